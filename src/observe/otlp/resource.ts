// Who sends traces and metrics: the same in both. Promises that OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
import type { Attributes } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import { randomUUID } from '../../platform/random.ts';
import { version } from '../../version.ts';

export const SCOPE = { name: 'hl7-gateway', version } as const;

/** Of this process, as the semantic conventions want it: a host name is not unique where containers share one. */
let instance: string | undefined;

export async function gatewayResource(more: Attributes = {}): Promise<Resource> {
  const {
    defaultResource,
    detectResources,
    resourceAttributesEnvDetector,
    resourceFromAttributes,
    serviceNameEnvDetector,
  } = await import('@opentelemetry/resources');
  instance ??= randomUUID();
  const own = resourceFromAttributes({
    'service.name': 'hl7-gateway',
    'service.version': version,
    'service.instance.id': instance,
    ...more,
  });
  const named = detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] });
  return defaultResource().merge(own).merge(named);
}
