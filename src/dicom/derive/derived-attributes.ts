import { CT_IMAGE_STORAGE, PRODUCT, shortName, type StoredPixels } from '../../ct';
import { CODE, codeItem, isCode } from './codes';
import { dicomMoment, type DicomMoment } from './dates';
import {
  ascii,
  asciiOf,
  isSequence,
  itemsOf,
  padded,
  sequence,
  valueOf,
  words,
  wordOf,
  type RawDataset,
  type RawElement,
} from '../part10/elements';
import { joinedText, prefixedText } from './joined-text';
import { numberOf, withNumbers } from '../part10/numeric-strings';
import { filterPrivate } from './private-tags';
import { derivationDescription, percent, toAscii, type Provenance } from './provenance';
import { TAG } from '../part10/tags';
import type { DerivedUids, DeriveSettings, SourceReference } from './types';

const LO_LENGTH = 64;
/** Of the model in the description; the rest is the source's. */
const MODEL_LENGTH = 22;
const DERIVATION_DESCRIPTION_LENGTH = 1024;
/** PS3.5 6.2. */
const IS_LARGEST = 2 ** 31 - 1;

/** What describes the equipment that made an instance (General Equipment), and moves into Contributing Equipment with it. */
const EQUIPMENT = [
  TAG.Manufacturer,
  TAG.InstitutionName,
  TAG.InstitutionAddress,
  TAG.StationName,
  TAG.InstitutionalDepartmentName,
  TAG.ManufacturerModelName,
  TAG.DeviceSerialNumber,
  TAG.DeviceUID,
  TAG.UDISequence,
  TAG.SoftwareVersions,
  TAG.SpatialResolution,
  TAG.DateOfLastCalibration,
  TAG.TimeOfLastCalibration,
] as const;

/** The institution made both; everything else there is the scanner's. */
const EQUIPMENT_KEPT: readonly number[] = [
  TAG.InstitutionName,
  TAG.InstitutionAddress,
  TAG.InstitutionalDepartmentName,
];

/** True of the source only (docs/dicom-conformance.md says why, one by one). */
const DROPPED: readonly number[] = [
  ...EQUIPMENT.filter(tag => !EQUIPMENT_KEPT.includes(tag)),
  TAG.GantryID,
  TAG.InstanceCreatorUID,
  TAG.SeriesDescriptionCodeSequence,
  TAG.ReferencedPerformedProcedureStepSequence,
  TAG.SmallestPixelValueInSeries,
  TAG.LargestPixelValueInSeries,
  TAG.IconImageSequence,
  TAG.MACParametersSequence,
  // It holds the original's own UIDs, which re-identification would give to the derived instance.
  TAG.EncryptedAttributesSequence,
  // Of private attributes, nearly all of which go.
  TAG.PrivateDataElementCharacteristicsSequence,
  TAG.DigitalSignaturesSequence,
  TAG.DataSetTrailingPadding,
  TAG.PixelDataProviderURL,
  TAG.ExtendedOffsetTable,
  TAG.ExtendedOffsetTableLengths,
  // What an archive said of the source when it was asked: where it is, how many there are, in which forms. A viewer's metadata has it.
  TAG.QueryRetrieveLevel,
  TAG.RetrieveAETitle,
  TAG.InstanceAvailability,
  TAG.ModalitiesInStudy,
  TAG.SOPClassesInStudy,
  TAG.RetrieveURL,
  TAG.AvailableTransferSyntaxUID,
  TAG.RetrieveURI,
  TAG.RetrieveLocationUID,
  TAG.StorageMediaFileSetID,
  TAG.StorageMediaFileSetUID,
  ...TAG.NumbersOfRelated,
  // Of the source's stay in its archive.
  TAG.InstanceCoercionDateTime,
  TAG.SOPInstanceStatus,
  TAG.SOPAuthorizationDateTime,
  TAG.SOPAuthorizationComment,
  TAG.AuthorizationEquipmentCertificationNumber,
];

/**
 * The source's dataset with what docs/dicom-conformance.md says replaced; everything else is copied byte for byte, in its own character set.
 * All new text is ASCII, which reads the same in every DICOM character set.
 */
export function derivedAttributes(
  source: RawDataset,
  pixels: StoredPixels,
  uids: DerivedUids,
  input: DeriveSettings,
): RawDataset {
  const dataset = copied(source);
  const set = (tag: number, element: RawElement) => void dataset.set(tag, element);
  const moment = dicomMoment(input.createdAt, asciiOf(source, TAG.TimezoneOffsetFromUTC));
  const reference: SourceReference = {
    sopClassUid: asciiOf(source, TAG.SOPClassUID),
    sopInstanceUid: asciiOf(source, TAG.SOPInstanceUID),
  };

  set(TAG.SOPClassUID, ascii('UI', CT_IMAGE_STORAGE));
  set(TAG.SOPInstanceUID, ascii('UI', uids.sopInstanceUid));
  set(TAG.SeriesInstanceUID, ascii('UI', uids.seriesInstanceUid));
  set(TAG.Modality, ascii('CS', 'CT'));
  set(TAG.ImageType, imageType(source));
  for (const tag of [TAG.InstanceCreationDate, TAG.ContentDate]) set(tag, ascii('DA', moment.date));
  for (const tag of [TAG.InstanceCreationTime, TAG.ContentTime]) set(tag, ascii('TM', moment.time));
  const begun = input.seriesMoment ?? moment;
  set(TAG.SeriesDate, ascii('DA', begun.date));
  set(TAG.SeriesTime, ascii('TM', begun.time));

  set(TAG.SeriesNumber, seriesNumber(source, input.provenance.strength));
  set(TAG.SeriesDescription, seriesDescription(source, input.provenance));
  set(TAG.Manufacturer, ascii('LO', PRODUCT.manufacturer));
  set(TAG.ManufacturerModelName, ascii('LO', PRODUCT.modelName));
  set(TAG.SoftwareVersions, ascii('LO', toAscii(input.provenance.codeVersion).slice(0, LO_LENGTH)));
  set(TAG.ContributingEquipmentSequence, contributingEquipment(source, input, moment));
  set(TAG.ContentQualification, ascii('CS', 'RESEARCH'));

  set(
    TAG.DerivationDescription,
    description(source, derivationDescription(input.provenance, DERIVATION_DESCRIPTION_LENGTH)),
  );
  set(
    TAG.DerivationCodeSequence,
    sequence(
      ...itemsOf(source, TAG.DerivationCodeSequence),
      codeItem(CODE.smoothing),
      codeItem(CODE.neuralNoiseReduction),
    ),
  );
  const references = [reference, ...neighbours(reference, input)];
  set(TAG.SourceImageSequence, sequence(...references.map(sourceImage)));
  set(TAG.ReferencedSeriesSequence, referencedSeries(source, references));

  pixelModule(dataset, pixels);
  return dataset;
}

/** The other slices the model read, each once. */
function neighbours({ sopInstanceUid }: SourceReference, { slab }: DeriveSettings): SourceReference[] {
  const others = new Map(slab?.inputs.map(input => [input.sopInstanceUid, input]));
  others.delete(sopInstanceUid);
  return [...others.values()];
}

/** What is kept of the source, still with the source's values; a number that cannot be read is not written again. */
function copied(source: RawDataset): RawDataset {
  const dataset = withNumbers(filterPrivate(source));
  overlays(dataset);
  for (const tag of DROPPED) dataset.delete(tag);
  return dataset;
}

/**
 * Overlay bits inside the pixel words (retired) are not in the new pixels, so no attribute may point at them: their groups go, and where a group has
 * Overlay Data of its own, its Bits Allocated and Bit Position are what these must be (PS3.3 C.9.2).
 */
function overlays(dataset: RawDataset): void {
  for (const tag of [...dataset.keys()].filter(each => each >>> 24 === 0x60)) {
    const group = tag & 0xffff0000;
    if (valueOf(dataset, group | TAG.OverlayData) === undefined) dataset.delete(tag);
    else if (tag === (group | TAG.OverlayBitsAllocated)) dataset.set(tag, words('US', [1]));
    else if (tag === (group | TAG.OverlayBitPosition)) dataset.set(tag, words('US', [0]));
  }
}

/** Value 3 on (AXIAL and the like) stay; it is DERIVED, whatever the source was. */
function imageType(source: RawDataset): RawElement {
  // What is no ASCII is no CS, and says nothing.
  const words = asciiOf(source, TAG.ImageType)
    .split('\\')
    .map(word => (/^[\x20-\x7e]*$/.test(word) ? word.trim() : ''));
  const [kind = '', ...more] = words.slice(2);
  return ascii('CS', ['DERIVED', 'SECONDARY', kind || 'AXIAL', ...more].join('\\'));
}

/**
 * 10000 x source + strength in tenths of a percent: source 3 at 70 % is 30700, so that each strength has a number of its own, behind every series of the
 * scanner. Where IS ends before that: source + tenths of a percent.
 */
function seriesNumber(source: RawDataset, strength: number): RawElement {
  const number = Math.max(0, numberOf(source, TAG.SeriesNumber) || 0);
  const tenths = Math.round(strength * 1000);
  const own = 10_000 * number + tenths;
  return ascii('IS', String(own <= IS_LARGEST ? own : Math.min(number, IS_LARGEST - 1000) + tenths));
}

/** Our tag, strength and model, which survive every cut and every narrow list; then the source's own words in their own bytes. */
function seriesDescription(source: RawDataset, { strength, model }: Provenance): RawElement {
  const version = toAscii(model.version);
  const name = toAscii(shortName(model.name))
    .slice(0, Math.max(0, MODEL_LENGTH - version.length - 1))
    .trimEnd();
  const ours = `${PRODUCT.seriesTag} ${percent(strength)} ${name} ${version}`;
  const characterSet = asciiOf(source, TAG.SpecificCharacterSet);
  const described = valueOf(source, TAG.SeriesDescription);
  return { vr: 'LO', value: prefixedText('LO', ours, ': ', described, LO_LENGTH, characterSet) };
}

/** What was done to the source before comes first: derivations are in order of application. */
function description(source: RawDataset, ours: string): RawElement {
  const before = valueOf(source, TAG.DerivationDescription);
  const characterSet = asciiOf(source, TAG.SpecificCharacterSet);
  const limit = DERIVATION_DESCRIPTION_LENGTH;
  return { vr: 'ST', value: joinedText('ST', before, '; then: ', ours, limit, characterSet) };
}

/** Items the source has, the equipment that made the source, and ours. */
function contributingEquipment(
  source: RawDataset,
  { provenance }: DeriveSettings,
  moment: DicomMoment,
): RawElement {
  const existing = itemsOf(source, TAG.ContributingEquipmentSequence);
  const items = [...existing];
  const maker: RawDataset = new Map();
  for (const tag of EQUIPMENT) {
    const element = source.get(tag);
    if (element && (isSequence(element) || valueOf(source, tag))) maker.set(tag, element);
  }
  // Manufacturer is Type 1 in an item: where the source does not know its own, there is no item rather than an invented name.
  if (valueOf(source, TAG.Manufacturer)) {
    // A source that names its scanner already was made by something else, a workstation.
    const named = existing.some(item => hasPurpose(item, CODE.acquisitionEquipment));
    const purpose = named ? CODE.processingEquipment : CODE.acquisitionEquipment;
    items.push(maker.set(TAG.PurposeOfReferenceCodeSequence, sequence(codeItem(purpose))));
  }
  items.push(
    new Map<number, RawElement>([
      [TAG.PurposeOfReferenceCodeSequence, sequence(codeItem(CODE.processingEquipment))],
      [TAG.Manufacturer, ascii('LO', PRODUCT.manufacturer)],
      [TAG.ManufacturerModelName, ascii('LO', PRODUCT.modelName)],
      [TAG.SoftwareVersions, ascii('LO', equipmentVersions(provenance))],
      [TAG.ContributionDateTime, ascii('DT', moment.dateTime)],
      [TAG.ContributionDescription, ascii('ST', 'Neural network noise reduction')],
    ]),
  );
  return sequence(...items);
}

/** Product, model and its shape, each a value of its own. */
function equipmentVersions({ codeVersion, model }: Provenance): string {
  const shape = model.slab ? [`${model.slab.inputs} slices in, ${model.slab.outputs} out`] : [];
  return [codeVersion, `${model.name} ${model.version}`, model.sha256, ...shape]
    .map(value => toAscii(value).slice(0, LO_LENGTH))
    .join('\\');
}

function hasPurpose(item: RawDataset, code: typeof CODE.acquisitionEquipment): boolean {
  return itemsOf(item, TAG.PurposeOfReferenceCodeSequence).some(purpose => isCode(purpose, code));
}

function referenced({ sopClassUid, sopInstanceUid }: SourceReference): RawDataset {
  return new Map([
    [TAG.ReferencedSOPClassUID, ascii('UI', sopClassUid)],
    [TAG.ReferencedSOPInstanceUID, ascii('UI', sopInstanceUid)],
  ]);
}

function sourceImage(reference: SourceReference): RawDataset {
  return referenced(reference)
    .set(TAG.SpatialLocationsPreserved, ascii('CS', 'YES'))
    .set(TAG.PurposeOfReferenceCodeSequence, sequence(codeItem(CODE.sourceImage)));
}

/** Common Instance Reference: what the source lists of this study, and the source series. */
function referencedSeries(source: RawDataset, references: readonly SourceReference[]): RawElement {
  const uid = asciiOf(source, TAG.SeriesInstanceUID);
  const listed = itemsOf(source, TAG.ReferencedSeriesSequence);
  const others = listed.filter(item => asciiOf(item, TAG.SeriesInstanceUID) !== uid);
  const own = listed
    .filter(item => asciiOf(item, TAG.SeriesInstanceUID) === uid)
    .flatMap(item => itemsOf(item, TAG.ReferencedInstanceSequence))
    .filter(item =>
      references.every(
        ({ sopInstanceUid }) => asciiOf(item, TAG.ReferencedSOPInstanceUID) !== sopInstanceUid,
      ),
    );
  const series: RawDataset = new Map<number, RawElement>([
    [TAG.SeriesInstanceUID, ascii('UI', uid)],
    [TAG.ReferencedInstanceSequence, sequence(...references.map(referenced), ...own)],
  ]);
  return sequence(...others, series);
}

/** The new pixels in the source's format, and the attributes that repeat something about them. */
function pixelModule(dataset: RawDataset, pixels: StoredPixels): void {
  const signed = (wordOf(dataset, TAG.PixelRepresentation) ?? 0) === 1;
  if (dataset.has(TAG.SmallestImagePixelValue) || dataset.has(TAG.LargestImagePixelValue)) {
    let smallest = Infinity;
    let largest = -Infinity;
    for (const value of pixels) {
      if (value < smallest) smallest = value;
      if (value > largest) largest = value;
    }
    dataset.set(TAG.SmallestImagePixelValue, words(signed ? 'SS' : 'US', [smallest]));
    dataset.set(TAG.LargestImagePixelValue, words(signed ? 'SS' : 'US', [largest]));
  }
  dataset.set(TAG.RescaleType, ascii('LO', 'HU'));
  dataset.set(TAG.PixelData, {
    vr: 'OW',
    value: padded('OW', new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength)),
  });
}
