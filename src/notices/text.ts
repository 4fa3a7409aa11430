import type { Fault, Notice, Refusal, Warning } from './notices';

/** What a person is told: what happened, what was kept, what to do next. */
export interface NoticeText {
  readonly happened: string;
  readonly kept: string;
  readonly todo: string;
}

const ORIGINAL_KEPT = 'The original series is unchanged.';
const SLICES_KEPT = 'The original series is unchanged, and slices already denoised are kept.';
const SAVED_KEPT = 'The denoised slices are kept, and files already saved stay saved.';
const STORED_KEPT = 'The denoised slices are kept, and what was already stored stays stored.';
const WARNED = 'The series is denoised all the same, and the warning is written into the derived series.';

const CHOOSE_AXIAL = 'Choose an original axial CT series of this study.';
const ASK_SCANNER_SIDE = 'Ask for the series as the scanner wrote it, or choose another series.';
const COMPARE = 'Compare with the original before you rely on any detail.';
const ADMIN = 'Tell your administrator; the check page (docs/install.md) shows what is missing.';

/** Words for a notice, in plain English, naming the value that caused it. */
export function describe(notice: Notice): NoticeText {
  switch (notice.kind) {
    case 'refusal':
      return describeRefusal(notice);
    case 'warning':
      return { happened: describeWarning(notice), kept: WARNED, todo: COMPARE };
    case 'fault':
      return describeFault(notice);
  }
}

function describeRefusal(refusal: Refusal): NoticeText {
  const [happened, todo] = refusalWords(refusal);
  return { happened, kept: ORIGINAL_KEPT, todo };
}

function refusalWords(refusal: Refusal): [happened: string, todo: string] {
  switch (refusal.code) {
    case 'empty-series':
      return ['The series has no images.', CHOOSE_AXIAL];
    case 'not-ct':
      return [`This is not a CT series (${refusal.modality || 'no modality stated'}).`, CHOOSE_AXIAL];
    case 'wrong-sop-class':
      return [`The images are not CT images (${sopClassWords(refusal.sopClassUid)}).`, CHOOSE_AXIAL];
    case 'localizer':
      return ['The series is, or contains, a localizer (scout image).', CHOOSE_AXIAL];
    case 'multi-frame':
      return [
        `The series is multi-frame (${refusal.frames} frames in one file); only single-frame CT is supported.`,
        'Ask for the series as single-frame CT images.',
      ];
    case 'colour':
      return [`The images are in colour (${refusal.photometricInterpretation}), not in HU.`, CHOOSE_AXIAL];
    case 'not-hu':
      return [`The pixel values are not HU: ${notHuWords(refusal)}.`, ASK_SCANNER_SIDE];
    case 'already-denoised':
      return [
        'This series has already been denoised by ISCL CT Denoise.',
        'Choose the original series it was made from.',
      ];
    case 'mixed-geometry':
      return [
        `The images of this series differ in ${spaced(refusal.attribute)}.`,
        'Split the series, or choose one whose images all have the same geometry.',
      ];
    case 'missing-attribute':
      return [`The files lack ${spaced(refusal.keyword)}, which is needed.`, ASK_SCANNER_SIDE];
    case 'invalid-attribute':
      return [
        `${spaced(refusal.keyword)} has an unusable value (${refusal.value || 'empty'}).`,
        ASK_SCANNER_SIDE,
      ];
    case 'too-small':
      return [`The images are only ${refusal.columns} x ${refusal.rows} pixels.`, CHOOSE_AXIAL];
    case 'spacing-outside-model':
      return [
        `The slices lie ${refusal.spacingMm} mm apart, and the model does not take that spacing.`,
        'Choose another model, or a series with another spacing.',
      ];
    case 'undecodable':
      return [
        `The files are compressed in a way that cannot be read here (transfer syntax ${refusal.transferSyntaxUid}).`,
        'Ask for the series uncompressed or in another transfer syntax.',
      ];
    case 'no-series':
      return ['The active viewport shows no series.', 'Click a viewport that shows an original CT series.'];
    case 'not-denoised':
      return ['This series has not been denoised yet.', 'Press Denoise first.'];
    case 'incomplete':
      return [
        `${refusal.done} of ${refusal.total} slices are denoised; only a complete series can be saved.`,
        'Let the denoising finish, then save.',
      ];
    case 'no-archive':
      return [
        'The active data source has no DICOMweb service to store to.',
        'Download a ZIP or save to a folder instead.',
      ];
    case 'no-folder-access':
      return ['This browser cannot write into a folder.', 'Download a ZIP instead, or use Chrome or Edge.'];
  }
}

/** What scanners and workstations add to a CT study under Modality CT, by the names of PS3.6 annex A. */
const SOP_CLASS_NAMES: Readonly<Record<string, string>> = {
  '1.2.840.10008.5.1.4.1.1.7': 'Secondary Capture',
  '1.2.840.10008.5.1.4.1.1.7.2': 'Multi-frame Grayscale Byte Secondary Capture',
  '1.2.840.10008.5.1.4.1.1.7.3': 'Multi-frame Grayscale Word Secondary Capture',
  '1.2.840.10008.5.1.4.1.1.7.4': 'Multi-frame True Color Secondary Capture',
};

function sopClassWords(uid: string): string {
  const name = SOP_CLASS_NAMES[uid];
  return `${name ? `${name}, ` : ''}SOP class ${uid || 'not stated'}`;
}

function notHuWords({ reason, detail }: Refusal & { code: 'not-hu' }): string {
  switch (reason) {
    case 'no-rescale':
      return detail || 'Rescale Slope or Rescale Intercept is missing';
    case 'rescale-type':
      return `Rescale Type is "${detail}"`;
    case 'not-monochrome2':
      return `Photometric Interpretation is ${detail}`;
    case 'range':
      return `the files can only hold ${detail}`;
  }
}

function describeWarning(warning: Warning): string {
  switch (warning.code) {
    case 'kernel-outside-domain': {
      const kernel =
        warning.kernel === ''
          ? 'is not stated'
          : `"${warning.kernel}" is outside what the model was trained for`;
      return `The reconstruction kernel ${kernel}.`;
    }
    case 'thickness-outside-domain':
      return warning.sliceThicknessMm === null
        ? 'The slice thickness is not stated.'
        : `The slice thickness (${warning.sliceThicknessMm} mm) is outside what the model was trained for.`;
    case 'body-part-outside-domain':
      return `The body part "${warning.bodyPart}" is outside what the model was trained for.`;
    case 'age-outside-domain':
      return `The patient's age (${warning.ageYears} years) is outside what the model was trained for.`;
    case 'kvp-outside-domain':
      return `The tube voltage (${warning.kvp} kV) is outside what the model was trained for.`;
    case 'spacing-outside-domain':
      return `The distance between slices (${warning.spacingMm} mm) is outside what the model was trained for.`;
    case 'spacing-without-neighbours':
      return `The slices lie ${warning.spacingMm} mm apart, outside what the model was trained for, so each is denoised without its neighbours.`;
    case 'slices-interrupted':
      return `The series is ${warning.parts} stacks of slices, by gaps, spacing or acquisition; no slice is denoised with a neighbour of another stack.`;
    case 'lossy-source':
      return `The source images were compressed lossily${warning.method ? ` (${warning.method})` : ''}.`;
    case 'derived-source':
      return `The source images are themselves derived (${warning.imageType}).`;
    case 'image-type-missing':
      return 'The files do not state their Image Type, so a localizer or derived image cannot be told from an original.';
  }
}

function describeFault(fault: Fault): NoticeText {
  switch (fault.code) {
    case 'model-download':
      return {
        happened: `The model could not be loaded from ${fault.url}${fault.status ? ` (HTTP ${fault.status})` : ''}.`,
        kept: SLICES_KEPT,
        todo: 'Check the connection and press Denoise again; if that does not help, tell your administrator.',
      };
    case 'model-hash':
      return {
        happened: `The model file ${fault.url} is not the one its manifest names; it may be damaged or from another version.`,
        kept: SLICES_KEPT,
        todo: `Nothing is computed with it. ${ADMIN}`,
      };
    case 'model-manifest':
      return {
        happened: `The list of models ${fault.url} cannot be used${fault.detail ? ` (${fault.detail})` : ''}.`,
        kept: SLICES_KEPT,
        todo: ADMIN,
      };
    case 'runtime-load':
      return {
        happened: `ONNX Runtime could not be loaded from ${fault.url}.`,
        kept: SLICES_KEPT,
        todo: `The file may be missing or served with a wrong MIME type. ${ADMIN}`,
      };
    case 'no-provider':
      return {
        happened: `Neither the graphics card nor WebAssembly can run the model here${fault.detail ? `: ${fault.detail}` : '.'}`,
        kept: SLICES_KEPT,
        todo: 'Use a current Chrome, Edge, Firefox or Safari, or another computer.',
      };
    case 'self-test':
      return {
        happened: `On this computer, ${providerWords(fault.provider)} gives wrong results for the model (off by ${errorWords(fault.maxErrorHu)}), so it is not used.`,
        kept: SLICES_KEPT,
        todo: 'Update the graphics driver and the browser, or use another computer.',
      };
    case 'device-lost':
      return {
        happened: `The connection to ${providerWords(fault.provider)} was lost.`,
        kept: SLICES_KEPT,
        todo: 'Press Denoise again; if it happens often, close other programs that use the graphics card.',
      };
    case 'engine-hang':
      return {
        happened: `${capital(providerWords(fault.provider))} did not answer within ${fault.seconds} s.`,
        kept: SLICES_KEPT,
        todo: 'Press Denoise again; if that does not help, use another computer.',
      };
    case 'inference':
      return {
        happened: `The model failed on ${providerWords(fault.provider)}.`,
        kept: SLICES_KEPT,
        todo: 'Press Denoise again; if that does not help, reload the page.',
      };
    case 'bad-output':
      return {
        happened:
          fault.what === 'not-finite'
            ? 'The model gave values that are not numbers for a slice, so its result was discarded.'
            : 'The model gave values far outside the CT range for a slice, so its result was discarded.',
        kept: SLICES_KEPT,
        todo: 'Press Denoise again to retry the slice; until then it has no denoised image.',
      };
    case 'bad-input':
      return {
        happened: 'A slice of the source holds values that are not numbers.',
        kept: SLICES_KEPT,
        todo: ASK_SCANNER_SIDE,
      };
    case 'source-unavailable':
      return {
        happened: `The pixels of image ${fault.sopInstanceUid} could not be loaded${fault.detail ? ` (${fault.detail})` : ''}.`,
        kept: SLICES_KEPT,
        todo: 'Check the connection to the archive and press Denoise again; only what is missing is done.',
      };
    case 'source-header':
      return {
        happened: `The archive does not give the header of image ${fault.sopInstanceUid}, which the saved copy needs${fault.detail ? ` (${fault.detail})` : ''}.`,
        kept: SAVED_KEPT,
        todo: 'Check the connection to the archive and save again; nothing is computed anew.',
      };
    case 'unreadable-dicom':
      return {
        happened: `A file is not readable as DICOM: ${fault.what}.`,
        kept: 'Nothing was written for this file; the file itself is unchanged.',
        todo: 'Export the file again from its source, or leave it out.',
      };
    case 'memory-budget':
      return {
        happened: `The denoised series would need ${fault.neededMiB} MiB of memory; ${fault.allowedMiB} MiB are allowed.`,
        kept: ORIGINAL_KEPT,
        todo: 'Close other studies, choose a shorter series, or use the command line (docs/batch.md).',
      };
    case 'store-unreachable':
      return {
        happened: `The archive at ${fault.url} does not answer${fault.detail ? ` (${fault.detail})` : ''}.`,
        kept: STORED_KEPT,
        todo: 'Check the connection and press Store again; only what is missing is sent.',
      };
    case 'store-refused':
      return {
        happened: `The archive refused the images (HTTP ${fault.status}${fault.detail ? `, ${fault.detail}` : ''}).`,
        kept: STORED_KEPT,
        todo:
          fault.status === 401 || fault.status === 403
            ? 'Log in again, or ask your administrator for the right to store; then press Store again.'
            : 'Press Store again; if that does not help, show this message to the administrator of the archive.',
      };
    case 'store-incomplete':
      return {
        happened: `${fault.stored} images were stored, ${fault.failed} were not.`,
        kept: STORED_KEPT,
        todo: 'Press Store again; only what is missing is sent. The report names each image and reason.',
      };
    case 'store-mismatch':
      return {
        happened: `The archive holds other pixels under image ${fault.sopInstanceUid} than those that were sent.`,
        kept: 'The denoised slices are kept; the archive keeps what it had.',
        todo: 'Do not use the stored series. Show this message to the administrator of the archive.',
      };
    case 'store-journal':
      return {
        happened: `What is still to be sent could not be kept on this computer: ${fault.what}.`,
        kept: STORED_KEPT,
        todo: 'Free some space (a private window has little) and press Store again; only what is missing is sent.',
      };
    case 'save-folder':
      return {
        happened: `The files could not be written to the folder: ${fault.what}.`,
        kept: 'The denoised slices are kept; files already complete stay in the folder.',
        todo: 'Choose another folder, or free some space, and save again.',
      };
    case 'save-cancelled':
      return {
        happened: 'Saving was cancelled.',
        kept: {
          zip: 'No file was written. The denoised slices are kept.',
          folder: 'Files already complete stay in the folder. The denoised slices are kept.',
          store: 'What is already in the archive stays there. The denoised slices are kept.',
        }[fault.what],
        todo: 'Save again when you are ready; what is already there is not written twice.',
      };
    case 'internal':
      return {
        happened: `Something unexpected went wrong${fault.detail ? ` (${fault.detail})` : ''}.`,
        kept: SLICES_KEPT,
        todo: 'Try again; if that does not help, reload the page and report this message.',
      };
    case 'cancelled':
      return {
        happened: 'Cancelled.',
        kept: SLICES_KEPT,
        todo: 'Press Denoise to continue with the remaining slices.',
      };
  }
}

/** The engine broke during a job and was started again by itself; `provider` is what computes now. */
export function describeRepair(fault: Fault, provider: string): NoticeText {
  const changed = !('provider' in fault) || fault.provider !== provider;
  const todo = changed
    ? `Nothing to do for the slices: the rest is computed on ${providerWords(provider)}, with the same result, only slower.`
    : 'Nothing to do for the slices.';
  return {
    happened: describeFault(fault).happened,
    kept: 'Slices already denoised are kept, and the slice that was being computed is computed again.',
    // A driver reset takes the viewer's WebGL contexts along, and Cornerstone 5.6 draws black with those it is given back.
    todo:
      fault.code === 'device-lost'
        ? `${todo} Should the images stay black, the viewer has lost the graphics card too: save the series when it is done, then reload the page.`
        : todo,
  };
}

function providerWords(provider: string): string {
  return (
    { webgpu: 'the graphics card (WebGPU)', wasm: 'WebAssembly', cpu: 'the processor' }[provider] ?? provider
  );
}

function errorWords(maxErrorHu: number): string {
  return Number.isFinite(maxErrorHu) ? `${maxErrorHu.toPrecision(2)} HU` : 'values that are not numbers';
}

const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

/** "PixelSpacing" as people read it: "Pixel Spacing". */
function spaced(keyword: string): string {
  return keyword.replace(/(?<=[a-z])(?=[A-Z])/g, ' ');
}
