/** CT Image Storage: the SOP class of every accepted source and of every derived instance. */
export const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';
/** Enhanced CT, Legacy Converted Enhanced CT. */
export const MULTI_FRAME_CT: readonly string[] = [
  '1.2.840.10008.5.1.4.1.1.2.1',
  '1.2.840.10008.5.1.4.1.1.2.2',
];
