import type { Tensor } from './tensor';

/** A slice of a slab; the same id is the same pixels. */
export interface Plane {
  readonly id: number;
  /** The slice as the network takes it, in an array of its own each time. @throws DenoiseError `bad-input` */
  data(): Float32Array;
}

/** One run's input: n slices in order along the normal, each height x width. */
export interface Slab {
  readonly height: number;
  readonly width: number;
  readonly planes: readonly Plane[];
}

/** A slab on its way to a worker, which holds slices of earlier ones: each crosses once. */
export interface SlabMessage {
  readonly height: number;
  readonly width: number;
  /** Ids in order. */
  readonly planes: readonly number[];
  /** Those the worker does not hold yet. */
  readonly sent: readonly { readonly id: number; readonly data: Float32Array }[];
  /** Those it lets go once the input is put together. */
  readonly forget: readonly number[];
}

/** Which slices the worker holds. This side decides, the other obeys, so that both always agree. */
export class PlaneLedger {
  /** Least recently used first. */
  readonly #held = new Set<number>();

  /** @param capacity slices held between two slabs, at most */
  constructor(private readonly capacity: number) {}

  message({ height, width, planes }: Slab): SlabMessage {
    const byId = new Map(planes.map(plane => [plane.id, plane]));
    // Made before anything is noted: a slice that cannot be shown to the network leaves the books as they were.
    const sent = [...byId.values()]
      .filter(({ id }) => !this.#held.has(id))
      .map(plane => ({ id: plane.id, data: plane.data() }));
    for (const id of byId.keys()) {
      this.#held.delete(id);
      this.#held.add(id);
    }
    const forget = [...this.#held].slice(0, Math.max(0, this.#held.size - this.capacity));
    for (const id of forget) this.#held.delete(id);
    return { height, width, planes: planes.map(({ id }) => id), sent, forget };
  }
}

/**
 * How many slices a worker holds: going outward from the slice on screen, slabs alternate between both ends of what is done, so the slices that the
 * next one shares are those of the last two. One slice in, nothing to share.
 */
export function planesHeld(inputs: number): number {
  return inputs === 1 ? 0 : 2 * inputs;
}

/** The worker's side. */
export class PlaneStore {
  readonly #held = new Map<number, Float32Array>();

  /** The network's input. @throws Error for a slice that is not here, which the ledger rules out */
  assemble({ height, width, planes, sent, forget }: SlabMessage): Tensor {
    for (const { id, data } of sent) this.#held.set(id, data);
    const held = planes.map(id => {
      const data = this.#held.get(id);
      if (data?.length !== height * width)
        throw new Error(`the worker does not hold slice ${id} of the slab`);
      return data;
    });
    for (const id of forget) this.#held.delete(id);
    return { data: joined(held), height, width };
  }
}

/** The same without a worker. */
export function assemble({ height, width, planes }: Slab): Tensor {
  const made = new Map<number, Float32Array>();
  for (const plane of planes) if (!made.has(plane.id)) made.set(plane.id, plane.data());
  return { data: joined(planes.map(({ id }) => made.get(id)!)), height, width };
}

/** A single slice is not copied. */
function joined(slices: readonly Float32Array[]): Float32Array {
  const [first] = slices;
  if (slices.length === 1) return first!;
  const data = new Float32Array(slices.length * first!.length);
  slices.forEach((slice, i) => data.set(slice, i * slice.length));
  return data;
}
