// The package's JavaScript: the product and its dependencies in a few files, so that a start reads and compiles what it needs
// and no more. `npm run build` runs it, a checkout runs from `src` without it.
import { builtinModules } from 'node:module';
import { basename, dirname, resolve } from 'node:path';
import { defineConfig, type Plugin } from 'rolldown';

/** Loaded at run time where it is there: compiled code that a bundle cannot hold. */
const NATIVE = /^(@napi-rs\/|koffi$)/;

/** Packages that a gateway may never need. Each is a file of its own, which is read when the product first uses something of it. */
const LATE_PACKAGES = [
  '@opentelemetry/api',
  '@opentelemetry/core',
  '@opentelemetry/exporter-prometheus',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-metrics',
  'hl7-standard',
  'node-forge',
  'piscina',
  're2js',
  'undici',
];

/** Of the product, likewise: what only some configs ask for. Whoever imports one may not use it while it is loaded itself. */
const LATE_MODULES = [
  'listeners/http/http-listener.ts',
  'listeners/http/proxy/reverse-proxy.ts',
  'src/admin/admin-server.ts',
  'src/observe/audit/syslog-sink.ts',
  'src/upstream/checks/http-check.ts',
  'src/upstream/checks/mirth-check.ts',
  'src/upstream/http/http-upstream.ts',
];

/** Written as ES modules, it asks for gRPC by `require` when it first needs it, which a bundler leaves as it is. Its CommonJS files are followed. */
const grpcAsCommonJs: Plugin = {
  name: 'grpc-as-commonjs',
  resolveId: {
    filter: { id: /^@opentelemetry\/otlp-grpc-exporter-base$/ },
    handler(id, importer, { kind }) {
      if (kind === 'require-call') return null;
      return this.resolve(id, importer, { kind: 'require-call', skipSelf: true });
    },
  },
};

/** By what is imported: a package's name, or a module's whole path. */
const LATE_FILES = new Map([
  ...LATE_PACKAGES.map((id) => [id, id.replace('@', '').replace('/', '-')] as const),
  ...LATE_MODULES.map((path) => [resolve(import.meta.dirname, path), basename(path, '.ts')] as const),
]);

/** The product's own imports of these are of files beside its own. What a package imports is not touched. */
const lateFiles: Plugin = {
  name: 'late-files',
  resolveId(id, importer) {
    if (importer === undefined || importer.includes('node_modules')) return null;
    const file = LATE_FILES.get(id.startsWith('.') ? resolve(dirname(importer), id) : id);
    return file === undefined ? null : { id: `./${file}.js`, external: true, moduleSideEffects: false };
  },
};

const LATE = new Set([
  ...[...LATE_FILES.values()].map((file) => `./${file}.js`),
  ...builtinModules.flatMap((id) => [id, `node:${id}`]),
]);
const REQUIRED =
  /^(?:let|const) ([\w$]+) = require\("([^"]+)"\);$(?:(\n)\1 = [\w$.]*__toESM\(\1(?:, 1)?\);$)?/gm;

/**
 * Loads modules of Node.js and late packages when something of them is first used, and not with the file that imports them: the
 * half of a start is modules that it does not use. Each import becomes an object with a getter for each name that is used, in syntax
 * that an old Node.js reads: it is to say that it is too old.
 */
const lateBinding: Plugin = {
  name: 'late-binding',
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== 'chunk') continue;
      const { code } = chunk;
      chunk.code = code.replace(REQUIRED, (all, name: string, id: string, line = '') => {
        if (!LATE.has(id)) return all;
        const uses = new RegExp(`(?<![\\w$.])${name.replaceAll('$', '\\$')}(?![\\w$])(?:\\.([\\w$]+))?`, 'g');
        const members = new Set<string>();
        for (const [, member] of code.replace(all, '').matchAll(uses)) {
          // Something takes it as a whole, or a text has its name in it.
          if (member === undefined) return all;
          members.add(member);
        }
        const getters = [...members].map(
          (one) =>
            `get ${one}() { return (all || (all = require("${id}")))${one === 'default' ? '' : `.${one}`}; }`,
        );
        // As many lines as before: the map stays right.
        return `const ${name} = ((all) => ({ ${getters.join(', ')} }))();${line}`;
      });
    }
  },
};

/** What pino loads and the product never uses: it writes lines from this thread, to a stream of its own. */
const UNUSED_BY_PINO: Readonly<Record<string, string>> = {
  // Opens standard error as it is loaded.
  assert: "module.exports = (...given) => require('node:assert')(...given);",
  'thread-stream':
    "module.exports = class { constructor() { throw new Error('no log goes by a thread'); } };",
  worker_threads: 'module.exports = { isMainThread: true };',
};

const pinoAlone: Plugin = {
  name: 'pino-alone',
  resolveId(id, importer) {
    const isPino = /\/node_modules\/(pino|sonic-boom)\//.test(importer ?? '');
    return isPino && Object.hasOwn(UNUSED_BY_PINO, id) ? `\0pino:${id}` : null;
  },
  load: (id) => (id.startsWith('\0pino:') ? UNUSED_BY_PINO[id.slice('\0pino:'.length)] : null),
};

function reachedBy(id: string): readonly string[] {
  return TOGETHER.map(([, path]) => path).filter((path) => reached.get(path)?.has(id));
}

/** The folder is one of CommonJS, whatever the package says of its other files: that loads in half the time of ES modules. */
const commonJsFolder: Plugin = {
  name: 'commonjs-folder',
  generateBundle() {
    this.emitFile({ type: 'asset', fileName: 'package.json', source: '{ "type": "commonjs" }\n' });
    this.emitFile({ type: 'asset', fileName: 'types/package.json', source: '{ "type": "module" }\n' });
  },
};

/**
 * Modules whose imports are put together, so that few files are read: for each one file of what it alone imports, and one of what
 * others behind it import as well. What none of them imports is in files as the bundler makes them.
 */
const TOGETHER = [
  ['main', 'src/main.ts'],
  ['hl7', 'src/hl7/parse-worker.ts'],
  ['client', 'src/upstream/client/mllp-client.ts'],
  ['send', 'src/cli/messages/send.ts'],
  ['node', 'src/cli/node/node.ts'],
  ['admin', 'src/cli/admin/status.ts'],
  ['config', 'src/config/load.ts'],
  ['check', 'src/cli/run/check.ts'],
  ['gateway', 'src/cli/run/run.ts'],
] as const;

/** Of each of those modules: itself, its imports and theirs, without those by `import()`. */
const reached = new Map<string, ReadonlySet<string>>();

const imports: Plugin = {
  name: 'imports',
  buildEnd() {
    for (const [, path] of TOGETHER) {
      const all = new Set([resolve(import.meta.dirname, path)]);
      for (const id of all)
        for (const imported of this.getModuleInfo(id)?.importedIds ?? []) all.add(imported);
      reached.set(path, all);
    }
  },
};

export default defineConfig({
  input: {
    main: 'src/start.ts',
    testing: 'src/tools/replay/testing.ts',
    'parse-worker': 'src/hl7/parse-worker.ts',
    'store-worker': 'src/spool/store/store-worker.ts',
    // piscina starts its threads from a file of this name beside its own code.
    worker: 'node_modules/piscina/dist/worker.js',
    ...Object.fromEntries([...LATE_FILES].map(([id, file]) => [file, id])),
  },
  platform: 'node',
  logLevel: 'warn',
  // Late packages are asked for names, never for a default beside them.
  checks: { mixedExports: false },
  external: NATIVE,
  plugins: [grpcAsCommonJs, pinoAlone, lateFiles, imports, lateBinding, commonJsFolder],
  output: {
    // All in one folder: files are found beside the one that asks for them.
    dir: 'dist',
    format: 'cjs',
    dynamicImportInCjs: false,
    sourcemap: true,
    chunkFileNames: '[name]-[hash].js',
    // Bytes that a start would read. One character beyond ASCII doubles the memory of a file.
    comments: false,
    codeSplitting: {
      groups: TOGETHER.flatMap(([name, path], i) => [
        { name, test: (id) => reachedBy(id).join() === path },
        // A module is in the first that has it, so that no two files wait for each other.
        {
          name: `${name}-shared`,
          test: (id) => reachedBy(id)[0] === path && reachedBy(id).length > 1,
          priority: TOGETHER.length - i,
        },
      ]),
    },
    charset: 'ascii',
  },
});
