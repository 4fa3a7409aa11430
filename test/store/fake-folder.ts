/** The part of the File System API that we use, in memory: a browser is needed for the real one (test/browser). */
export interface FakeFolder {
  readonly handle: FileSystemDirectoryHandle;
  readonly files: Map<string, Uint8Array>;
}

interface FakeOptions {
  /** False: no createWritable, as in Safari before 26. */
  readonly writable?: boolean;
  /** Bytes the disk takes before write() fails. */
  readonly capacity?: number;
}

function notFound(): DOMException {
  return new DOMException('not found', 'NotFoundError');
}

export function fakeFolder({ writable = true, capacity = Infinity }: FakeOptions = {}): FakeFolder {
  const files = new Map<string, Uint8Array>();
  const folders = new Map<string, FakeFolder>();
  const fileHandle = (name: string) => ({
    async getFile() {
      return new File([files.get(name)! as Uint8Array<ArrayBuffer>], name);
    },
    ...(writable && {
      async createWritable() {
        let swap = new Uint8Array();
        return {
          async write(bytes: Uint8Array) {
            const used = [...files.values()].reduce((sum, { length }) => sum + length, 0);
            if (used + bytes.length > capacity)
              throw new DOMException('the disk is full', 'QuotaExceededError');
            swap = bytes.slice();
          },
          async close() {
            files.set(name, swap);
          },
        };
      },
    }),
  });
  const handle = {
    async getDirectoryHandle(name: string, { create = false } = {}) {
      if (/[/:]/.test(name)) throw new TypeError(`${name}: Name is not allowed.`);
      if (!folders.has(name) && create) folders.set(name, fakeFolder({ writable, capacity }));
      const found = folders.get(name);
      if (!found) throw notFound();
      return found.handle;
    },
    async getFileHandle(name: string, { create = false } = {}) {
      if (!files.has(name) && create) files.set(name, new Uint8Array());
      if (!files.has(name)) throw notFound();
      return fileHandle(name);
    },
    async removeEntry(name: string) {
      if (!files.delete(name) && !folders.delete(name)) throw notFound();
    },
  };
  return { handle: handle as unknown as FileSystemDirectoryHandle, files };
}
