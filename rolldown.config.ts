// The package's JavaScript: the product and its dependencies in a few files, so that a start reads and compiles what it needs
// and no more. `npm run build` runs it, a checkout runs from `src` without it.
import { defineConfig, type Plugin } from 'rolldown';

/** Loaded at run time where it is there: compiled code that a bundle cannot hold. */
const NATIVE = /^@napi-rs\//;

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

export default defineConfig({
  input: {
    main: 'src/start.ts',
    testing: 'src/tools/replay/testing.ts',
    'parse-worker': 'src/hl7/parse-worker.ts',
    // piscina starts its threads from a file of this name beside its own code.
    worker: 'node_modules/piscina/dist/worker.js',
  },
  platform: 'node',
  logLevel: 'warn',
  external: NATIVE,
  plugins: [grpcAsCommonJs],
  transform: { define: { __dirname: 'import.meta.dirname' } },
  // All in one folder: files are found beside the one that asks for them.
  output: { dir: 'dist', format: 'esm', sourcemap: true, chunkFileNames: '[name]-[hash].js' },
});
