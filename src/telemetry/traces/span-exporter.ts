// The exporter of opentelemetry-js, and what it says of this process. Loaded when traces are switched on, and not before:
// without them the gateway starts a tenth of a second sooner.
import { hostname } from 'node:os';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { version } from '../../version.ts';
import type { EffectiveTraces } from './environment.ts';
import type { SpanSource } from './span.ts';

export interface LoadedExporter {
  readonly exporter: SpanExporter;
  readonly source: SpanSource;
}

export async function loadExporter({ endpoint, protocol }: EffectiveTraces): Promise<LoadedExporter> {
  const options = endpoint === undefined ? {} : { url: endpoint };
  const [{ OTLPTraceExporter }, resources] = await Promise.all([
    protocol === 'grpc'
      ? import('@opentelemetry/exporter-trace-otlp-grpc')
      : import('@opentelemetry/exporter-trace-otlp-proto'),
    import('@opentelemetry/resources'),
  ]);
  const { defaultResource, detectResources, resourceFromAttributes } = resources;
  const own = resourceFromAttributes({
    'service.name': 'hl7-gateway',
    'service.version': version,
    'host.name': hostname(),
    'process.pid': process.pid,
  });
  // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
  const detectors = [resources.resourceAttributesEnvDetector, resources.serviceNameEnvDetector];
  const resource = defaultResource().merge(own).merge(detectResources({ detectors }));
  return {
    exporter: new OTLPTraceExporter(options),
    source: { resource, scope: { name: 'hl7-gateway', version } },
  };
}
