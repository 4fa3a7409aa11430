import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UsageError } from './arguments';

export interface ModelChoice {
  readonly manifestPath: string;
  /** Absent: the manifest's default. */
  readonly modelId?: string;
}

/**
 * What --model means: an id of the manifest in `modelsFolder`; or a path to a manifest, a folder with one, or an .onnx file with a manifest beside
 * it, because a model without its card has no hash, no golden pair and no domain.
 * @throws UsageError
 */
export async function chooseModel(model: string | null, modelsFolder: string): Promise<ModelChoice> {
  const builtIn = join(modelsFolder, 'manifest.json');
  if (model === null) return { manifestPath: builtIn };
  const found = await stat(model).catch(() => null);
  if (!found) {
    if (/[/\\]|\.(json|onnx)$/.test(model)) throw new UsageError(`--model "${model}" does not exist`);
    return { manifestPath: builtIn, modelId: model };
  }
  if (found.isDirectory()) return { manifestPath: join(model, 'manifest.json') };
  if (!model.endsWith('.onnx')) return { manifestPath: model };
  const manifestPath = join(dirname(model), 'manifest.json');
  const modelId = await idOfFile(manifestPath, basename(model));
  if (modelId === null) throw new UsageError(`--model "${model}" is not named in a manifest.json beside it`);
  return { manifestPath, modelId };
}

async function idOfFile(manifestPath: string, file: string): Promise<string | null> {
  try {
    const manifest = JSON.parse(await readFile(manifestPath, 'utf8')) as {
      models?: { id?: string; file?: string }[];
    };
    return manifest.models?.find(model => model.file === file)?.id ?? null;
  } catch {
    return null;
  }
}
