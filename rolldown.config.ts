// The package's JavaScript: the product and its dependencies in a few files, so that a start reads and compiles what it needs
// and no more. `npm run build` runs it, a checkout runs from `src` without it.
import { builtinModules } from 'node:module';
import { defineConfig, type Plugin } from 'rolldown';

/** Loaded at run time where it is there: compiled code that a bundle cannot hold. */
const NATIVE = /^@napi-rs\//;

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

function fileOf(id: string): string {
  return id.replace('@', '').replace('/', '-');
}

/** The product's own imports of these packages are of files beside its own. What a package imports is not touched. */
const latePackages: Plugin = {
  name: 'late-packages',
  resolveId: {
    filter: { id: new RegExp(`^(${LATE_PACKAGES.join('|')})$`) },
    handler(id, importer) {
      if (importer === undefined || importer.includes('node_modules')) return null;
      return { id: `./${fileOf(id)}.js`, external: true };
    },
  },
};

const LATE = new Set([
  ...LATE_PACKAGES.map((id) => `./${fileOf(id)}.js`),
  ...builtinModules.flatMap((id) => [id, `node:${id}`]),
]);
const REQUIRED =
  /^(?:let|const) ([\w$]+) = require\("([^"]+)"\);$(?:(\n)\1 = [\w$.]*__toESM\(\1(?:, 1)?\);$)?/gm;

/**
 * Loads modules of Node.js and late packages when something of them is first used, and not with the file that imports them: the
 * half of a start is modules that it does not use. Each import becomes an object with a getter for each name that is used.
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
          (one) => `get ${one}() { return (all ??= require("${id}"))${one === 'default' ? '' : `.${one}`}; }`,
        );
        // As many lines as before: the map stays right.
        return `const ${name} = ((all) => ({ ${getters.join(', ')} }))();${line}`;
      });
    }
  },
};

/** The folder is one of CommonJS, whatever the package says of its other files: that loads in half the time of ES modules. */
const commonJsFolder: Plugin = {
  name: 'commonjs-folder',
  generateBundle() {
    this.emitFile({ type: 'asset', fileName: 'package.json', source: '{ "type": "commonjs" }\n' });
    this.emitFile({ type: 'asset', fileName: 'types/package.json', source: '{ "type": "module" }\n' });
  },
};

export default defineConfig({
  input: {
    main: 'src/start.ts',
    testing: 'src/tools/replay/testing.ts',
    'parse-worker': 'src/hl7/parse-worker.ts',
    // piscina starts its threads from a file of this name beside its own code.
    worker: 'node_modules/piscina/dist/worker.js',
    ...Object.fromEntries(LATE_PACKAGES.map((id) => [fileOf(id), id])),
  },
  platform: 'node',
  logLevel: 'warn',
  // Late packages are asked for names, never for a default beside them.
  checks: { mixedExports: false },
  external: NATIVE,
  plugins: [grpcAsCommonJs, latePackages, lateBinding, commonJsFolder],
  output: {
    // All in one folder: files are found beside the one that asks for them.
    dir: 'dist',
    format: 'cjs',
    dynamicImportInCjs: false,
    sourcemap: true,
    chunkFileNames: '[name]-[hash].js',
    // Bytes that a start would read. One character beyond ASCII doubles the memory of a file.
    comments: false,
    charset: 'ascii',
  },
});
