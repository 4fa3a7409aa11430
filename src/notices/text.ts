import type { Fault, Notice, Refusal, Warning } from './notices';

/** The text of a notice: what happened, what was kept, what to do next. */
export interface NoticeText {
  readonly happened: string;
  readonly kept: string;
  readonly todo: string;
}

const ORIGINAL_KEPT = 'The original series is unchanged.';
const SLICES_KEPT = 'The original series is unchanged, and slices already denoised are kept.';
const SAVED_KEPT = 'The denoised slices are kept, and files already saved stay saved.';
const STORED_KEPT = 'The denoised slices are kept, and images already stored stay stored.';
const WARNED = 'The series is denoised, and the derived series holds this warning.';

const NOT_SAVED = 'The denoised series is not saved. The original series is unchanged.';
const OTHER_MODEL =
  'Do not read this scan with the denoised series. Lower the strength, or use another model, and tell your physicist.';

const CHOOSE_AXIAL = 'Choose an original axial CT series of this study.';
const ASK_SCANNER_SIDE = 'Get the series as the scanner wrote it, or choose another series.';
const COMPARE = 'Compare with the original before you rely on any detail.';
const ADMIN = 'Tell your administrator; the check page (docs/install.md) shows what is missing.';

/** How a text names an image: by its UID, or as the slice that a viewer numbers, for a long UID is cut where room is short. */
export type NameOfImage = (sopInstanceUid: string) => string;

/** Plain English for a notice. The text names the value that caused it. */
export function describe(notice: Notice, image: NameOfImage = uid => `image ${uid}`): NoticeText {
  switch (notice.kind) {
    case 'refusal':
      return describeRefusal(notice);
    case 'warning':
      return { happened: describeWarning(notice), kept: WARNED, todo: COMPARE };
    case 'fault':
      return describeFault(notice, image);
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
        'Get the series as single-frame CT images.',
      ];
    case 'colour':
      return [`The images are in colour (${refusal.photometricInterpretation}), not in HU.`, CHOOSE_AXIAL];
    case 'not-hu':
      return [`The pixel values are not HU: ${notHuWords(refusal)}.`, ASK_SCANNER_SIDE];
    case 'already-denoised':
      return ['This series has already been denoised by ISCL CT Denoise.', 'Choose its original series.'];
    case 'mixed-geometry':
      return [
        `The images of this series differ in ${spaced(refusal.attribute)}.`,
        'Split the series, or choose one whose images all have the same geometry.',
      ];
    case 'missing-attribute':
      return [`The files lack ${spaced(refusal.keyword)}, which denoising needs.`, ASK_SCANNER_SIDE];
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
        `The files have a compression that cannot be read (transfer syntax ${refusal.transferSyntaxUid}).`,
        'Get the series uncompressed or in another transfer syntax.',
      ];
    case 'no-series':
      return ['The active viewport shows no series.', 'Click a viewport that shows an original CT series.'];
    case 'not-denoised':
      return ['This series has not been denoised yet.', 'Press “Denoise” first.'];
    case 'nothing-removed':
      return [
        'At a strength of 0 % nothing is removed: the series would be the original under the name of a denoised one.',
        'Set the strength above 0 %, then save.',
      ];
    case 'incomplete':
      return [
        `${refusal.done} of ${refusal.total} slices are denoised; only a complete series can be saved.`,
        'Let the denoising finish (“Resume” or “Continue” where it has stopped), then save.',
      ];
    case 'no-archive':
      return [
        'The active data source has no DICOMweb service for storing.',
        'Press “Download ZIP” or “Save to folder” instead.',
      ];
    case 'not-measured':
      return [
        'Noise and lesions of this scan are not measured: not yet, or the scan has no uniform soft tissue.',
        'Let the denoising finish, or set the strength in percent.',
      ];
    case 'measured-live':
      return [
        'A measurement of this report was drawn on a denoised series that is not stored.',
        'Store the denoised series, measure on the stored series, then create the report.',
      ];
    case 'no-folder-access':
      return [
        'This browser cannot write into a folder.',
        'Press “Download ZIP” instead, or use Chrome or Edge.',
      ];
  }
}

/** SOP classes that scanners and workstations add to a study under Modality CT; names of PS3.6 annex A. */
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
      return `The distance between slices (${warning.spacingMm} mm) is outside what the model was trained for; neighbouring slices are ${warning.neighbours}.`;
    case 'slices-missing':
      return `The series has ${warning.gaps} ${warning.gaps === 1 ? 'gap' : 'gaps'} between its slices; by their spacing, ${warning.slices} ${warning.slices === 1 ? 'slice is' : 'slices are'} missing.`;
    case 'spectral-outside-domain':
      return `The images are computed from several energies ("${warning.words}"); the model was trained on images of one tube voltage.`;
    case 'head-outside-domain':
      return `The images look like a head (a ring of bone, ${warning.diameterMm} mm across), which is outside what the model was trained for.`;
    case 'small-body-outside-domain':
      return `The body in the images is only ${warning.diameterMm} mm across, as of a child, a neck or a limb, which is outside what the model was trained for.`;
    case 'cut-off-outside-domain':
      return `The field of view cuts the body off (${warning.percent} % of its edge is not air), as in a cone beam or a heart, which is outside what the model was trained for.`;
    case 'series-mixed':
      return `The series holds several ${warning.what}${warning.values ? ` (${warning.values})` : ' (the scanner paused)'} under one series UID.`;
    case 'positions-repeated':
      return `${warning.slices === 1 ? 'One slice lies' : `${warning.slices} slices lie`} at the position of another slice.`;
    case 'pixels-not-square':
      return `The pixels are not square (${warning.rowMm} mm by ${warning.columnMm} mm); the model was trained on square ones.`;
    case 'slices-interrupted':
      return `The series is ${warning.parts} stacks of slices, by gaps, spacing or acquisition; no slice is denoised with a neighbour of another stack.`;
    case 'lossy-source':
      return `The source images were compressed lossily${warning.method ? ` (${warning.method})` : ''}.`;
    case 'derived-source':
      return `The source images are themselves derived (${warning.imageType}).`;
    case 'image-type-missing':
      return 'The files do not state their Image Type, so nobody can tell whether they are originals.';
  }
}

function describeFault(fault: Fault, image: NameOfImage = uid => `image ${uid}`): NoticeText {
  switch (fault.code) {
    case 'model-download':
      return {
        happened: `The model could not be loaded from ${fault.url}${fault.status ? ` (HTTP ${fault.status})` : ''}.`,
        kept: SLICES_KEPT,
        todo: 'Check the connection and try again; if that does not help, tell your administrator.',
      };
    case 'model-hash':
      return {
        happened: `The model file ${fault.url} differs from the file that its manifest names; it may be damaged or from another version.`,
        kept: SLICES_KEPT,
        todo: `The file is not used. ${ADMIN}`,
      };
    case 'model-manifest':
      return {
        happened: `The list of models ${fault.url} cannot be used${fault.detail ? ` (${fault.detail})` : ''}.`,
        kept: SLICES_KEPT,
        todo: ADMIN,
      };
    case 'configuration':
      return {
        happened: `The entry "iscl.denoise" of app-config.js cannot be used${fault.detail ? ` (${fault.detail})` : ''}.`,
        kept: SLICES_KEPT,
        todo: 'Nothing is denoised with other settings than the site chose. Tell your administrator; docs/extension.md lists the settings.',
      };
    case 'runtime-load':
      return {
        happened: `ONNX Runtime could not be loaded from ${fault.url}.`,
        kept: SLICES_KEPT,
        todo: `The file may be missing or served with a wrong MIME type. ${ADMIN}`,
      };
    case 'no-provider':
      return {
        happened: `Neither the graphics card nor WebAssembly can run the model on this computer${fault.detail ? `: ${fault.detail}` : '.'}`,
        kept: SLICES_KEPT,
        todo: 'Use a current Chrome, Edge, Firefox or Safari, or another computer.',
      };
    case 'self-test':
      return {
        happened: `On this computer, ${providerWords(fault.provider)} computes wrong results with this model (error: ${errorWords(fault.maxErrorHu)} in a test slice of ${fault.rows} x ${fault.columns} pixels) and is not used.`,
        kept: SLICES_KEPT,
        todo: 'Update the graphics driver and the browser, or use another computer.',
      };
    case 'device-lost':
      return {
        happened: `The connection to ${providerWords(fault.provider)} was lost.`,
        kept: SLICES_KEPT,
        todo: 'Try again; if it happens often, close other programs that use the graphics card.',
      };
    case 'engine-hang':
      return {
        happened: `${capital(providerWords(fault.provider))} did not answer within ${fault.seconds} s.`,
        kept: SLICES_KEPT,
        todo: 'Try again; if that does not help, use another computer.',
      };
    case 'inference':
      return {
        happened: `The model failed on ${providerWords(fault.provider)}.`,
        kept: SLICES_KEPT,
        todo: 'Try again; if that does not help, reload the page.',
      };
    case 'bad-output':
      return {
        happened:
          fault.what === 'not-finite'
            ? 'For one slice the model computed values that are not numbers. This result was discarded.'
            : 'For one slice the model computed values far outside the CT range. This result was discarded.',
        kept: SLICES_KEPT,
        todo: 'Press “Retry the failed slices”; until then the slice has no denoised image.',
      };
    case 'bad-input':
      return {
        happened: 'A slice of the original holds values that are not numbers.',
        kept: SLICES_KEPT,
        todo: ASK_SCANNER_SIDE,
      };
    case 'source-unavailable':
      return {
        happened: `The pixels of ${image(fault.sopInstanceUid)} could not be loaded${because(fault)}.`,
        kept: SLICES_KEPT,
        todo: `${readingAgain(fault)} Then try again; only the missing slices are computed.`,
      };
    case 'source-changed':
      return {
        happened: `Image ${fault.sopInstanceUid} is not the one that was listed: ${fault.what}.`,
        kept: SLICES_KEPT,
        todo: 'Wait until nothing writes to the source any more, then start again.',
      };
    case 'neighbour-unavailable':
      return {
        happened: `The pixels of ${image(fault.sopInstanceUid)}, which the model reads for its neighbours too, could not be loaded${because(fault)}.`,
        kept: SLICES_KEPT,
        todo: `${readingAgain(fault)} Then try again; only the missing slices are computed.`,
      };
    case 'source-header':
      return {
        happened: `The archive does not deliver the header of ${image(fault.sopInstanceUid)}, and the derived image needs this header${because(fault)}.`,
        kept: SAVED_KEPT,
        todo: `${readingAgain(fault)} Then save again; no slice is computed again.`,
      };
    case 'unreadable-dicom':
      return {
        happened: `A file cannot be read as DICOM: ${fault.what}.`,
        kept: 'Nothing was written for this file; the file itself is unchanged.',
        todo: 'Export the file again, or leave it out.',
      };
    case 'derive-worker':
      return {
        happened: `The part of the viewer that writes the files stopped${fault.detail ? ` (${fault.detail})` : ''}.`,
        kept: SAVED_KEPT,
        todo: 'Save again. If that does not help, reload the page.',
      };
    case 'memory-budget':
      return {
        happened: `The denoised series needs ${fault.neededMiB} MiB of memory; ${fault.allowedMiB} MiB are allowed.`,
        kept: ORIGINAL_KEPT,
        todo: 'Close other studies, choose a shorter series, or use the command line (docs/batch.md).',
      };
    case 'store-unreachable':
      return {
        happened: `The archive at ${fault.url} does not answer${fault.detail ? ` (${fault.detail})` : ''}.`,
        kept: STORED_KEPT,
        todo: 'Check the connection and store again; only the missing images are sent.',
      };
    case 'store-refused':
      return {
        happened: `The archive refused the images (HTTP ${fault.status}${fault.detail ? `, ${fault.detail}` : ''}).`,
        kept: STORED_KEPT,
        todo:
          fault.status === 401 || fault.status === 403
            ? 'Log in again, or ask your administrator for the right to store; then store again.'
            : 'Store again; if that does not help, show this message to the administrator of the archive.',
      };
    case 'store-incomplete':
      return {
        happened: `${fault.stored} images were stored, ${fault.failed} were not.`,
        kept: STORED_KEPT,
        todo: 'Store again; only the missing images are sent. The report has the reasons.',
      };
    case 'store-mismatch':
      return {
        happened: `In the archive, ${image(fault.sopInstanceUid)} has other pixels than the image that was sent.`,
        kept: 'The denoised slices are kept; the image in the archive is unchanged.',
        todo: 'Do not use the stored series. Show this message to the administrator of the archive.',
      };
    case 'store-journal':
      return {
        happened: `The images that wait to be sent could not be kept on this computer: ${fault.what}.`,
        kept: STORED_KEPT,
        todo: 'Free some disk space and store again; only the missing images are sent. A private window offers little space.',
      };
    case 'save-folder':
      return {
        happened: `The files could not be written to the folder: ${fault.what}.`,
        kept: 'The denoised slices are kept; files already complete stay in the folder.',
        todo: 'Choose another folder or free some disk space, then save again.',
      };
    case 'save-cancelled':
      return {
        happened: 'Saving was cancelled.',
        kept: {
          zip: 'No file was written. The denoised slices are kept.',
          folder: 'Files already complete stay in the folder. The denoised slices are kept.',
          store: 'Images already in the archive stay there. The denoised slices are kept.',
        }[fault.what],
        todo: 'Save again when you are ready; no image is written twice.',
      };
    case 'guard-lesions': {
      const { diameterMm, contrastHu, strengthPercent, keptPercent, keepingPercent } = fault;
      const enough =
        keepingPercent > 0 ? `at ${keepingPercent} % it keeps enough` : 'at no strength does it keep enough';
      return {
        happened: `At strength ${strengthPercent} %, a lesion of ${diameterMm} mm and ${contrastHu} HU that was added to this scan keeps ${keptPercent} % of its contrast; ${enough}.`,
        kept: NOT_SAVED,
        todo: keepingPercent > 0 ? 'Lower the strength, or use another model.' : 'Use another model.',
      };
    }
    case 'guard-texture':
      return {
        happened: `The model adds texture to uniform tissue of this scan: ${fault.addedPercent} % of the noise that the original has there.`,
        kept: NOT_SAVED,
        todo: OTHER_MODEL,
      };
    case 'guard-edges':
      return {
        happened: `The model blurs this scan: its strong edges keep ${fault.keptPercent} % of their sharpness.`,
        kept: NOT_SAVED,
        todo: OTHER_MODEL,
      };
    case 'guard-tissue':
      return {
        happened: `The model shifts ${TISSUE_WORDS[fault.tissue] ?? fault.tissue} of this scan by ${signed(fault.changeHu)} HU; ${fault.limitHu} HU are allowed.`,
        kept: NOT_SAVED,
        todo: OTHER_MODEL,
      };
    case 'guard-region':
      return {
        happened: `In one region of image ${fault.sopInstanceUid} (row ${fault.row}, column ${fault.column}) the mean changes by ${signed(fault.changeHu)} HU, as no tissue should.`,
        kept: NOT_SAVED,
        todo: 'Do not use the denoised series. Update the graphics driver or use another computer; if it happens again, use another model.',
      };
    case 'still-shown':
      return {
        happened: `The viewer still showed the denoised series after ${fault.seconds} s, so the series was not closed.`,
        kept: SLICES_KEPT,
        todo: 'Show another series in that viewport, then close the denoised series again.',
      };
    case 'internal':
      return {
        happened: `An unexpected error occurred${fault.detail ? ` (${fault.detail})` : ''}.`,
        kept: SLICES_KEPT,
        todo: 'Try again; if that does not help, reload the page and report this message.',
      };
    case 'cancelled':
      return {
        happened: 'Denoising was cancelled.',
        kept: SLICES_KEPT,
        todo: 'Press “Continue” to denoise the remaining slices.',
      };
  }
}

/** For an engine that broke during a job and restarted itself; `provider` computes from now on. */
export function describeRepair(fault: Fault, provider: string): NoticeText {
  const changed = !('provider' in fault) || fault.provider !== provider;
  const todo = changed
    ? `You need not do anything: ${providerWords(provider)} computes the remaining slices, with the same result, only slower.`
    : 'You need not do anything.';
  return {
    happened: describeFault(fault).happened,
    kept: 'Slices already denoised are kept, and the interrupted slice is computed again.',
    // A driver reset also ends the viewer's WebGL contexts, and Cornerstone 5.6 draws black with its new ones.
    todo:
      fault.code === 'device-lost'
        ? `${todo} If the images stay black, the viewer has lost the graphics card too: save the series when it is done, then reload the page.`
        : todo,
  };
}

/** Why an archive did not give what was asked, in words. 0: no answer came at all. */
export function statusWords(status: number): string {
  if (status === 0) return 'the archive does not answer';
  if (status === 401) return 'the archive asks for a login (HTTP 401)';
  if (status === 403) return 'the archive refuses to give it (HTTP 403)';
  if (status === 404 || status === 410) return `the archive does not have it (HTTP ${status})`;
  return status >= 500 ? `the archive has trouble (HTTP ${status})` : `the archive answers HTTP ${status}`;
}

type ReadFault = { readonly status?: number; readonly detail?: string };

function because({ status, detail }: ReadFault): string {
  const why = status === undefined ? detail : statusWords(status);
  return why ? `: ${why}` : '';
}

/** Tells what may pass from what will not. */
function readingAgain({ status }: ReadFault): string {
  if (status === 401) return 'Log in again, for instance by reloading the page after saving other work.';
  if (status === undefined || status === 0 || status === 408 || status === 429 || status >= 500)
    return 'This may pass: check the connection to the archive.';
  return 'This will not pass by itself: ask the administrator of the archive.';
}

function providerWords(provider: string): string {
  return (
    { webgpu: 'the graphics card (WebGPU)', wasm: 'WebAssembly', cpu: 'the processor' }[provider] ?? provider
  );
}

function errorWords(maxErrorHu: number): string {
  return Number.isFinite(maxErrorHu) ? `${maxErrorHu.toPrecision(2)} HU` : 'values that are not numbers';
}

const TISSUE_WORDS: Readonly<Record<string, string>> = {
  air: 'air',
  lung: 'lung',
  fat: 'fat',
  soft: 'soft tissue',
  bone: 'bone',
};
const signed = (hu: number): string => `${hu > 0 ? '+' : ''}${hu.toFixed(1)}`;

const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

/** The attribute's name for a keyword: "Pixel Spacing" for "PixelSpacing". */
function spaced(keyword: string): string {
  return keyword.replace(/(?<=[a-z])(?=[A-Z])/g, ' ');
}
