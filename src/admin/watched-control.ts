// A control that tells of each change that is made by it, whoever asks for it: the admin API, a signal, a file that has
// changed. Promises that what did not come about is told of as such, or not at all.
import { asGatewayError, type GatewayError } from '../errors.ts';
import type { MetricsFormat } from '../observe/metrics/text.ts';
import type { Lines } from './answer.ts';
import type { By, Control, NodeReport, ReloadReport, RotateReport, TapRequest } from './control.ts';

export interface ChangeWatcher {
  /** `error`: why the old config stays in force. */
  onReload(by: By, error: GatewayError | undefined, changed: readonly string[]): void;
  onNodeChanged(by: By, pool: string, node: string, what: string): void;
  onNodeState(by: By, pool: string, node: string, what: string): void;
  /** Messages are given out, patients and all. */
  onTap(by: By): void;
}

export class WatchedControl implements Control {
  readonly #control: Control;
  readonly #watcher: ChangeWatcher;

  constructor(control: Control, watcher: ChangeWatcher) {
    this.#control = control;
    this.#watcher = watcher;
  }

  get isLive(): boolean {
    return this.#control.isLive;
  }

  readiness = (pools: readonly string[]): ReturnType<Control['readiness']> => this.#control.readiness(pools);
  status = (): ReturnType<Control['status']> => this.#control.status();
  nodes = (): ReturnType<Control['nodes']> => this.#control.nodes();
  routes = (): ReturnType<Control['routes']> => this.#control.routes();
  senders = (): ReturnType<Control['senders']> => this.#control.senders();
  certificates = (): ReturnType<Control['certificates']> => this.#control.certificates();
  effectiveConfig = (): string => this.#control.effectiveConfig();
  metrics = (format: MetricsFormat): Promise<string | undefined> => this.#control.metrics(format);

  drain(pool: string, node: string, by: By): NodeReport {
    const report = this.#control.drain(pool, node, by);
    this.#watcher.onNodeState(by, pool, node, 'drain');
    return report;
  }

  maintenance(pool: string, node: string, by: By): NodeReport {
    const report = this.#control.maintenance(pool, node, by);
    this.#watcher.onNodeState(by, pool, node, 'maintenance');
    return report;
  }

  ready(pool: string, node: string, by: By): NodeReport {
    const report = this.#control.ready(pool, node, by);
    this.#watcher.onNodeState(by, pool, node, 'ready');
    return report;
  }

  setWeight(pool: string, node: string, weight: number, by: By): NodeReport {
    const report = this.#control.setWeight(pool, node, weight, by);
    this.#watcher.onNodeChanged(by, pool, node, `weight ${weight}`);
    return report;
  }

  addNode(pool: string, node: string, settings: unknown, by: By): NodeReport {
    const report = this.#control.addNode(pool, node, settings, by);
    this.#watcher.onNodeChanged(by, pool, node, 'added');
    return report;
  }

  removeNode(pool: string, node: string, by: By): void {
    this.#control.removeNode(pool, node, by);
    this.#watcher.onNodeChanged(by, pool, node, 'removed');
  }

  rotate(by: By): RotateReport {
    return this.#control.rotate(by);
  }

  tap(request: TapRequest, by: By): Lines {
    const lines = this.#control.tap(request, by);
    this.#watcher.onTap(by);
    return lines;
  }

  async reload(by: By): Promise<ReloadReport> {
    try {
      const report = await this.#control.reload(by);
      this.#watcher.onReload(by, undefined, report.changed);
      return report;
    } catch (thrown) {
      this.#watcher.onReload(by, asGatewayError(thrown), []);
      throw thrown;
    }
  }
}
