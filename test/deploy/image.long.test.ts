// The image that deploy/container/Containerfile describes, built by buildah on a Debian that debootstrap made, as no registry is asked:
// it serves with a root that cannot be written to, as a user without rights, and its HEALTHCHECK tells the truth.
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { version } from '../../src/version.ts';
import { makeDebian } from '../e2e/package-deb.ts';
import { debianFolder, whyNoDebian } from '../helpers/debian-machine.ts';
import { ROOT } from '../helpers/product-files.ts';
import { containerOf } from './manifests.ts';

const run = promisify(execFile);

const why = whyNoDebian ?? (spawnSync('buildah', ['--version']).status === 0 ? undefined : 'no buildah');

/** A message whose route asks for what stands beyond its header: a thread reads it. */
const CONFIG = `listeners: { adt: { bind: "127.0.0.1:2575" } }
pools: { mirth: { nodes: { a: { url: "mllp://127.0.0.1:6661" } } } }
routes: [{ when: { PID-3: { exists: true } }, to: mirth }]
parsing: { offload: always }
admin: {}
`;

interface Inspected {
  readonly Docker: {
    readonly config: {
      readonly User: string;
      readonly Env: readonly string[];
      readonly Cmd: readonly string[];
      readonly Entrypoint: readonly string[];
      readonly Healthcheck: { readonly Test: readonly string[] };
    };
  };
}

test.skipIf(why !== undefined)(
  `the image serves, with a root that is read only${why === undefined ? '' : ` (skipped: ${why})`}`,
  { timeout: 300_000 },
  async ({ skip }) => {
    const base = debianFolder();
    if (base === undefined) return skip('no mirror of Debian can be reached');
    const folder = mkdtempSync(join(tmpdir(), 'hl7-gateway-image-'));
    const store = [
      '--root',
      join(folder, 'root'),
      '--runroot',
      join(folder, 'run'),
      '--storage-driver',
      'vfs',
    ];
    const buildah = async (...args: string[]): Promise<string> =>
      (await run('buildah', [...store, ...args], { cwd: ROOT, maxBuffer: 2 ** 24 })).stdout.trim();
    onTestFinished(async () => {
      await buildah('rm', '--all').catch(() => {});
      rmSync(folder, { recursive: true, force: true });
    });

    const packages = join(folder, 'packages');
    mkdirSync(packages);
    const fresh = await buildah('from', 'scratch');
    await Promise.all([makeDebian(packages, version), buildah('copy', '--quiet', fresh, base, '/')]);
    await buildah('commit', '--quiet', '--rm', fresh, 'localhost/base');
    const file = 'deploy/container/Containerfile';
    const how = ['--quiet', '--isolation', 'chroot', '--format', 'docker', '--layers=false'];
    await buildah(
      'build',
      ...how,
      '--build-arg',
      'BASE=localhost/base',
      '-f',
      file,
      '-t',
      'localhost/gateway',
      packages,
    );

    const container = await buildah('from', 'localhost/gateway');
    const { config } = (JSON.parse(await buildah('inspect', container)) as Inspected).Docker;
    const { entry, args, health, user } = containerOf();
    expect(config).toMatchObject({ User: user, Cmd: args, Entrypoint: entry });
    expect(config.Healthcheck.Test).toEqual(['CMD', ...health]);

    const root = await buildah('mount', container);
    for (const name of ['proc', 'dev']) mkdirSync(join(root, name), { recursive: true });
    const etc = join(folder, 'etc');
    mkdirSync(etc);
    writeFileSync(join(etc, 'gateway.yaml'), CONFIG);
    const { stdout } = await run(
      'unshare',
      [
        '--mount',
        '--net',
        '--pid',
        '--fork',
        '--kill-child',
        'bash',
        join(ROOT, 'test/deploy/image.sh'),
        root,
        etc,
      ],
      {
        env: {
          PATH: process.env.PATH,
          IMAGE_ENV: config.Env.join(' '),
          IMAGE_USER: config.User,
          IMAGE_ENTRY: config.Entrypoint.join(' '),
          IMAGE_CMD: config.Cmd.join(' '),
          IMAGE_HEALTH: health.join(' '),
        },
      },
    );
    expect(stdout.trim().split('\n')).toEqual([
      `version ${version}`,
      'health ready',
      'answer 1 sent, 1 accepted, 0 not',
      'write EROFS',
      `user ${user}`,
      'shell none',
      'ended 0',
    ]);
    await buildah('umount', container);
  },
);
