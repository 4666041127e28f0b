// The arguments of `record`. What it does stands in ../record.ts and ../record-tap.ts.
import type { Command } from 'commander';
import type { Perform, Terminal } from '../terminal.ts';
import { usage } from '../usage.ts';
import { count, deadline, port, size } from './arguments.ts';
import { CALLED_WRONGLY, withHelp } from './help.ts';

export function defineRecord(program: Command, terminal: Terminal, perform: Perform): void {
  const record = program
    .command('record')
    .description('record a line for replay, de-identified: from a capture file, or from a running gateway')
    .option('--pcap <file>', 'a capture (pcap, pcapng) with plain MLLP in it')
    .option('--admin <url>', 'a running gateway with admin.tap: true; https://, or http:// on this machine')
    .requiredOption('-o, --output <folder>', 'a new folder')
    .option('--port <port>', 'with --pcap: only connections of this port', port)
    .option('--chunks', 'with --pcap: also write in which pieces each message came', false)
    .option(
      '--pseudonym-key <file>',
      'the same key gives the same pseudonyms (default: a new one, which is not kept)',
    )
    .option('--keep-segment <names...>', 'Z segments that stay; all others are left out')
    .option('--same-length', 'keep the length of what is blanked', false)
    .option('--raw', 'write patient data as it was on the wire', false)
    .option('--json', 'the report as JSON', false)
    .option('--listener <name>', 'with --admin: messages of this listener only')
    .option('--count <n>', 'with --admin: so many messages', count, 1000)
    .option('--for <duration>', 'with --admin: so long, 1h at most', deadline, 60_000)
    .option('--max-bytes <size>', 'with --admin: so much, as it is sent', size, 64 * 1024 * 1024)
    .option('--token-file <file>', 'with --admin: the token (default: HL7_GATEWAY_TOKEN)')
    .option('--ca <file>', 'over https: trust these certificates (PEM) instead of the system’s')
    .option('--cert <file>', 'client certificate (PEM)')
    .option('--key <file>', 'its key (PEM)')
    .option('--servername <name>', 'the name that the certificate must have, instead of the host')
    .option('--insecure', 'do not check the certificate', false)
    .option('--timeout <duration>', 'for connecting', deadline, 30_000)
    .action(({ timeout, for: forMs, ...options }) => {
      const { pcap, admin } = options;
      if ((pcap === undefined) === (admin === undefined))
        throw usage('record wants one of --pcap and --admin');
      if (pcap !== undefined)
        return perform(async () => (await import('../record/record.ts')).recordCapture(options, terminal));
      return perform(async () => {
        const { recordTap } = await import('../record/record-tap.ts');
        const { interrupted } = await import('../run/until-signal.ts');
        return recordTap({ ...options, timeoutMs: timeout, forMs }, terminal, interrupted());
      });
    });
  withHelp(record, {
    exit: {
      0: 'there are messages in the folder',
      1: 'there are none, or the gateway gave none',
      2: CALLED_WRONGLY,
    },
    examples: [
      'record --pcap line.pcap --port 2575 -o recording',
      'record --admin https://gateway:9600 --ca ca.pem --token-file admin.token --listener adt --for 30s -o recording',
    ],
  });
}
