import { parseArgs } from 'node:util';
import { startServer } from './index';

const { values } = parseArgs({
  options: {
    dicom: { type: 'string', multiple: true },
    store: { type: 'string' },
    host: { type: 'string' },
    port: { type: 'string' },
    'no-isolation': { type: 'boolean' },
  },
});
const server = await startServer({
  root: process.cwd(),
  ...(values.dicom && { dicom: values.dicom }),
  ...(values.store && { store: values.store }),
  ...(values.host && { host: values.host }),
  ...(values.port && { port: Number(values.port) }),
  isolation: !values['no-isolation'],
  log: line => console.log(line),
});
console.log(`ISCL CT Denoise is at ${server.url}`);
