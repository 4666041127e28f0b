// What tests start as `hl7-gateway`: a bundle (test/helpers/bundle-setup.ts), as its start takes a fifth of the CPU time of
// the checkout's. Tests of the checkout itself name `src/main.ts`.
import { join } from 'node:path';
import { ROOT } from './product-files.ts';

export const COMMAND_VARIABLE = 'HL7_GATEWAY_TEST_COMMAND';

/** The script that Node.js runs. Outside of vitest it is the checkout's. */
export const COMMAND = process.env[COMMAND_VARIABLE] ?? join(ROOT, 'src/main.ts');
