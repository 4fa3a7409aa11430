import type { Server } from 'node:http';
import type { Browser, Page } from 'playwright-core';
import { deriveInstance, naturalize, parsePart10 } from '../../src/dicom';
import { part10, tinyCt } from '../conformance/part10';
import { provenance } from '../unit/dicom-fixtures';
import { serveDerivePage, type DerivePageApi } from './derive-page';
import { launchChromium } from './engine-page';

declare const api: DerivePageApi;

/** Deriving in the worker of real Chromium: the bytes and UIDs that the command line writes for the same input. */
describe('deriving in the browser', () => {
  const createdAt = new Date('2026-01-02T03:04:05Z');
  const size = 40 * 48;
  const changes = { 0x00080201: { vr: 'SH', value: Buffer.from('+0100 ') } };
  const file = part10(tinyCt({ changes }));
  let browser: Browser;
  let page: Page;
  let server: Server;
  beforeAll(async () => {
    const served = await serveDerivePage();
    server = served.server;
    browser = await launchChromium();
    page = await browser.newPage();
    await page.goto(served.origin);
    await page.waitForFunction('globalThis.api !== undefined');
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  test('from a Part 10 file', async () => {
    const here = await deriveInstance({
      source: file,
      hu: new Float32Array(size).fill(40),
      provenance,
      createdAt,
    });
    const there = await page.evaluate(
      async ({ bytes, pixels, used, at }) => {
        const hu = new Float32Array(pixels).fill(40);
        const derived = await api.derive({
          source: Uint8Array.from(bytes),
          hu,
          provenance: used,
          createdAt: new Date(at),
        });
        return { ...derived, part10: Array.from(derived.part10), isHandedOver: hu.length === 0 };
      },
      { bytes: [...file], pixels: size, used: provenance, at: createdAt.getTime() },
    );
    expect(there.sopInstanceUid).toBe(here.sopInstanceUid);
    expect(Buffer.compare(Buffer.from(there.part10), here.part10)).toBe(0);
    expect(there.isHandedOver).toBe(true);
  });

  test('from a viewer’s dataset, whose sequences are proxies that no worker can be sent', async () => {
    const {
      PixelSpacing,
      Rows,
      Columns,
      BitsAllocated,
      BitsStored,
      HighBit,
      PixelRepresentation,
      RescaleSlope,
      RescaleIntercept,
    } = naturalize(parsePart10(file));
    const plain = {
      ...{
        PixelSpacing,
        Rows,
        Columns,
        BitsAllocated,
        BitsStored,
        HighBit,
        PixelRepresentation,
        RescaleSlope,
        RescaleIntercept,
      },
      ...{
        SOPInstanceUID: '1.2.3',
        SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
        SeriesInstanceUID: '1.2',
        StudyInstanceUID: '1',
      },
      Modality: 'CT',
    };
    const uid = await page.evaluate(
      async ({ attributes, pixels, used, at }) => {
        const instance = {
          ...attributes,
          RequestAttributesSequence: new Proxy([{ RequestedProcedureID: 'A1' }], {}),
        };
        const source = { instance, stored: new Uint16Array(pixels).fill(1000) };
        const derived = await api.derive({
          source,
          hu: new Float32Array(pixels),
          provenance: used,
          createdAt: new Date(at),
        });
        return derived.sopInstanceUid;
      },
      { attributes: plain, pixels: size, used: provenance, at: createdAt.getTime() },
    );
    expect(uid).toMatch(/^2\.25\.\d+$/);
  });
});
