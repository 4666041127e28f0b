// Made from docs/openapi.yaml by `npm run docs:config`: what each endpoint of the admin API takes and answers.

export interface Schemas {
  Spool: {
    readonly pool: string;
    readonly path: string;
    readonly configured: boolean;
    readonly waiting: number;
    readonly dead: number;
    readonly delivered: number;
    readonly bytes: number;
    readonly oldestWaiting?: string;
    readonly storeBytes: number;
    readonly storeMaxBytes: number;
    readonly storing: number;
    readonly delivering: number;
  };
  Stored: {
    readonly id: number;
    readonly pool: string;
    readonly state: 'waiting' | 'dead' | 'delivered';
    readonly receivedAt: string;
    readonly changedAt: string;
    readonly bytes: number;
    readonly attempts: number;
    readonly lastError?: string;
    readonly boundTo?: string;
    readonly orderingKey: string;
  };
  StoredDetails: {
    readonly id: number;
    readonly pool: string;
    readonly state: 'waiting' | 'dead' | 'delivered';
    readonly receivedAt: string;
    readonly changedAt: string;
    readonly bytes: number;
    readonly attempts: number;
    readonly lastError?: string;
    readonly boundTo?: string;
    readonly orderingKey: string;
    readonly listener: string;
    readonly route: string;
    readonly source: string;
    readonly controlId: string;
    readonly type: string;
    readonly sender: string;
    readonly traceId: string;
  };
  LogIn: {
    readonly user: string;
    readonly password: string;
  } | {
    readonly token: string;
  } | {
    readonly code: string;
  };
  Session: {
    readonly user: string;
    readonly role: 'view' | 'operate';
    readonly csrfToken?: string;
    readonly expiresAt?: string;
    readonly endsAt?: string;
  };
  Error: {
    readonly type: 'about:blank';
    readonly title: string;
    readonly status: number;
    readonly detail: string;
    readonly code: string;
    readonly error: {
      readonly code: string;
      readonly message: string;
    };
  };
  Time: string;
  Weight: number;
  Counts: Readonly<Record<string, number>>;
  Node: {
    readonly pool: string;
    readonly node: string;
    readonly url: string;
    readonly state: 'up' | 'down' | 'full' | 'draining' | 'maintenance';
    readonly health: 'up' | 'down';
    readonly available: boolean;
    readonly trial: boolean;
    readonly since: Schemas['Time'];
    readonly reason: string;
    readonly backup: boolean;
    readonly weight: Schemas['Weight'];
    readonly effectiveWeight: number;
    readonly inFlight: number;
    readonly connections: number;
    readonly lastCheck?: {
      readonly at: Schemas['Time'];
      readonly result: 'passed' | 'full' | 'failed' | 'unknown';
      readonly ms: number;
      readonly reason?: string;
    };
    readonly answers: Schemas['Counts'];
    readonly failures: Schemas['Counts'];
    readonly ejections: number;
    readonly answersPerSecond: number;
    readonly p50Ms?: number;
    readonly p99Ms?: number;
    readonly origin?: 'dns' | 'srv' | 'file';
    readonly runtime: boolean;
  };
  Pool: {
    readonly pool: string;
    readonly protocol: 'mllp' | 'http' | 'tcp';
    readonly available: boolean;
    readonly queued: number;
    readonly nodes: readonly (Schemas['Node'])[];
  };
  Listener: {
    readonly listener: string;
    readonly protocol: 'mllp' | 'http' | 'tcp';
    readonly tls: boolean;
    readonly address: string;
    readonly connections: number;
  };
  Certificate: {
    readonly where: string;
    readonly file: string;
    readonly subject: string;
    readonly notAfter: Schemas['Time'];
    readonly days: number;
  };
  Status: {
    readonly version: string;
    readonly pid: number;
    readonly startedAt: Schemas['Time'];
    readonly configFile?: string;
    readonly loadedAt: Schemas['Time'];
    readonly reloadError?: string;
    readonly draining: boolean;
    readonly condition: 'ok' | 'degraded' | 'failed';
    readonly problems: readonly (string)[];
    readonly state?: {
      readonly file: string;
      readonly writtenAt?: Schemas['Time'];
      readonly error?: string;
    };
    readonly cluster?: {
      readonly name: string;
      readonly member: string;
      readonly fit: boolean;
      readonly reason?: string;
      readonly configDigest: string;
      readonly vips: readonly ({
        readonly address: string;
        readonly held: boolean;
        readonly since: Schemas['Time'];
      })[];
      readonly state?: {
        readonly bucket: string;
        readonly connected: boolean;
        readonly since: Schemas['Time'];
        readonly reason?: string;
        readonly queued: number;
        readonly revision: number;
      };
    };
    readonly tracesUi?: string;
    readonly bufferedBytes: number;
    readonly maxBufferedBytes: number;
    readonly listeners: readonly (Schemas['Listener'])[];
    readonly pools: readonly (Schemas['Pool'])[];
    readonly workers?: readonly ({
      readonly worker: number;
      readonly pid?: number;
      readonly connections: number;
    })[];
    readonly certificates: readonly (Schemas['Certificate'])[];
  };
  Readiness: {
    readonly ready: boolean;
    readonly draining: boolean;
    readonly pools: readonly ({
      readonly pool: string;
      readonly available: boolean;
      readonly nodes: number;
      readonly availableNodes: number;
    })[];
    readonly notes: readonly (string)[];
  };
  Route: {
    readonly route: string;
    readonly when: Readonly<Record<string, string>>;
    readonly to?: string;
    readonly reject?: {
      readonly code: 'AR' | 'AE' | 'CR' | 'CE';
      readonly text: string;
    };
    readonly messages: number;
  };
  Member: {
    readonly member: string;
    readonly address: string;
    readonly admin?: string;
    readonly self: boolean;
    readonly state: 'fit' | 'unfit' | 'draining' | 'unreachable' | 'refused' | 'no admin' | 'not in the cluster' | 'another member';
    readonly reason?: string;
    readonly version?: string;
    readonly condition?: string;
    readonly startedAt?: string;
    readonly configDigest?: string;
    readonly holds?: readonly (string)[];
  };
  Sender: {
    readonly listener: string;
    readonly address: string;
    readonly port: number;
    readonly tlsSubject?: string;
    readonly since: Schemas['Time'];
    readonly messages: number;
    readonly pending: number;
    readonly sender?: string;
    readonly lastAt?: Schemas['Time'];
    readonly messagesPerSecond: number;
    readonly pool?: string;
    readonly node?: string;
  };
  Senders: {
    readonly total: number;
    readonly senders: readonly (Schemas['Sender'])[];
  };
  ConfigFile: {
    readonly file: string;
    readonly text?: string;
    readonly isInForce: boolean;
    readonly errors: readonly (string)[];
    readonly warnings: readonly (string)[];
  };
  Overview: {
    readonly at: Schemas['Time'];
    readonly version: string;
    readonly startedAt: Schemas['Time'];
    readonly draining: boolean;
    readonly condition: 'ok' | 'degraded' | 'failed';
    readonly problems: readonly (string)[];
    readonly messagesPerSecond: number;
    readonly failuresPerSecond: number;
    readonly tracesUi?: string;
    readonly bufferedBytes: number;
    readonly maxBufferedBytes: number;
    readonly listeners: readonly (Schemas['Listener'])[];
    readonly pools: readonly ({
      readonly pool: string;
      readonly protocol: 'mllp' | 'http' | 'tcp';
      readonly available: boolean;
      readonly queued: number;
      readonly inFlight: number;
      readonly nodes: number;
      readonly availableNodes: number;
      readonly answersPerSecond: number;
    })[];
    readonly history: {
      readonly stepSeconds: number;
      readonly points: readonly ({
        readonly at: Schemas['Time'];
        readonly messages: number;
        readonly failed: number;
        readonly p50Ms?: number;
        readonly p99Ms?: number;
      })[];
    };
  };
  Messages: {
    readonly messages: readonly (Schemas['Message'])[];
    readonly next?: string;
  };
  Message: {
    readonly id: string;
    readonly at: Schemas['Time'];
    readonly endedAt: Schemas['Time'];
    readonly listener: string;
    readonly source: string;
    readonly port: number;
    readonly type?: string;
    readonly controlId?: string;
    readonly sender?: string;
    readonly messages?: number;
    readonly bytes: number;
    readonly route?: string;
    readonly pool?: string;
    readonly node?: string;
    readonly outcome?: 'answered' | 'gathered' | 'stored' | 'unanswered' | 'failed' | 'abandoned';
    readonly code?: string;
    readonly reply?: string;
    readonly queueMs: number;
    readonly totalMs: number;
    readonly attempts: readonly ({
      readonly node: string;
      readonly reason: string;
      readonly startMs: number;
      readonly connectMs: number;
      readonly writtenMs?: number;
      readonly endMs?: number;
      readonly code?: string;
    })[];
    readonly traceId?: string;
  };
  Explained: {
    readonly listener: string;
    readonly type: string;
    readonly controlId: string;
    readonly traceId?: string;
    readonly passedOver: readonly ({
      readonly route: string;
      readonly because: string;
    })[];
    readonly route?: string;
    readonly reject?: {
      readonly code: string;
      readonly text: string;
    };
    readonly invalid?: {
      readonly code: string;
      readonly places: readonly (string)[];
    };
    readonly stickyKey?: string;
    readonly stickyBy?: readonly (string)[];
    readonly pool?: string;
    readonly node?: string;
    readonly why: string;
  };
  Rotated: {
    readonly reopened: readonly (string)[];
  };
  Reload: {
    readonly changed: readonly (string)[];
    readonly atNextStart: readonly (string)[];
    readonly warnings: readonly (string)[];
  };
}

export interface Endpoints {
  'GET /livez': {
    path: object;
    query: object;
    body: undefined;
    answer: string;
  };
  'GET /readyz': {
    path: object;
    query: { pools?: string };
    body: undefined;
    answer: Schemas['Readiness'];
  };
  'GET /readyz/{pool}': {
    path: { pool: string };
    query: object;
    body: undefined;
    answer: Schemas['Readiness'];
  };
  'GET /metrics': {
    path: object;
    query: object;
    body: undefined;
    answer: string;
  };
  'GET /session': {
    path: object;
    query: object;
    body: undefined;
    answer: Schemas['Session'];
  };
  'POST /session': {
    path: object;
    query: object;
    body: Schemas['LogIn'];
    answer: Schemas['Session'];
  };
  'DELETE /session': {
    path: object;
    query: object;
    body: undefined;
    answer: {
      readonly ended: boolean;
    };
  };
  'GET /status': {
    path: object;
    query: object;
    body: undefined;
    answer: Schemas['Status'];
  };
  'GET /nodes': {
    path: object;
    query: object;
    body: undefined;
    answer: readonly (Schemas['Node'])[];
  };
  'GET /routes': {
    path: object;
    query: object;
    body: undefined;
    answer: readonly (Schemas['Route'])[];
  };
  'GET /cluster': {
    path: object;
    query: object;
    body: undefined;
    answer: {
      readonly members: readonly (Schemas['Member'])[];
    };
  };
  'GET /senders': {
    path: object;
    query: { limit?: number; offset?: number; listener?: string; search?: string; sort?: 'connected' | 'silent' | 'rate' | 'messages' };
    body: undefined;
    answer: Schemas['Senders'];
  };
  'GET /overview': {
    path: object;
    query: object;
    body: undefined;
    answer: Schemas['Overview'];
  };
  'GET /messages': {
    path: object;
    query: { limit?: number; before?: string; listener?: string; source?: string; sender?: string; type?: string; controlId?: string; route?: string; pool?: string; node?: string; outcome?: string; code?: string };
    body: undefined;
    answer: Schemas['Messages'];
  };
  'GET /events': {
    path: object;
    query: object;
    body: undefined;
    answer: string;
  };
  'POST /routes/explain': {
    path: object;
    query: { listener?: string; source?: string; path?: string; host?: string };
    body: string;
    answer: readonly (Schemas['Explained'])[];
  };
  'GET /certs': {
    path: object;
    query: object;
    body: undefined;
    answer: readonly (Schemas['Certificate'])[];
  };
  'GET /config/effective': {
    path: object;
    query: object;
    body: undefined;
    answer: string;
  };
  'GET /config/file': {
    path: object;
    query: object;
    body: undefined;
    answer: Schemas['ConfigFile'];
  };
  'GET /spool': {
    path: object;
    query: object;
    body: undefined;
    answer: {
      readonly pools: readonly (Schemas['Spool'])[];
    };
  };
  'GET /spool/{pool}': {
    path: { pool: string };
    query: { state?: 'waiting' | 'dead' | 'delivered'; controlId?: string; since?: string; until?: string; after?: number; limit?: number };
    body: undefined;
    answer: {
      readonly messages: readonly (Schemas['Stored'])[];
      readonly next?: number;
    };
  };
  'POST /spool/{pool}/retry': {
    path: { pool: string };
    query: { reason?: string };
    body: undefined;
    answer: {
      readonly retried: number;
    };
  };
  'GET /spool/{pool}/{id}': {
    path: { pool: string; id: number };
    query: object;
    body: undefined;
    answer: Schemas['StoredDetails'];
  };
  'DELETE /spool/{pool}/{id}': {
    path: { pool: string; id: number };
    query: { reason?: string };
    body: undefined;
    answer: {
      readonly pool: string;
      readonly id: number;
      readonly discarded: true;
    };
  };
  'GET /spool/{pool}/{id}/content': {
    path: { pool: string; id: number };
    query: { reason?: string };
    body: undefined;
    answer: {
      readonly content: string;
    };
  };
  'POST /spool/{pool}/{id}/retry': {
    path: { pool: string; id: number };
    query: { reason?: string };
    body: undefined;
    answer: Schemas['Stored'];
  };
  'POST /nodes/{pool}/{node}/drain': {
    path: { pool: string; node: string };
    query: object;
    body: undefined;
    answer: Schemas['Node'];
  };
  'POST /nodes/{pool}/{node}/maintenance': {
    path: { pool: string; node: string };
    query: object;
    body: undefined;
    answer: Schemas['Node'];
  };
  'POST /nodes/{pool}/{node}/ready': {
    path: { pool: string; node: string };
    query: object;
    body: undefined;
    answer: Schemas['Node'];
  };
  'PUT /nodes/{pool}/{node}/weight': {
    path: { pool: string; node: string };
    query: { reason?: string };
    body: Schemas['Weight'] | {
      readonly weight: Schemas['Weight'];
    };
    answer: Schemas['Node'];
  };
  'PUT /nodes/{pool}/{node}': {
    path: { pool: string; node: string };
    query: { reason?: string };
    body: {
      readonly url: string;
    };
    answer: Schemas['Node'];
  };
  'DELETE /nodes/{pool}/{node}': {
    path: { pool: string; node: string };
    query: { reason?: string };
    body: undefined;
    answer: {
      readonly pool: string;
      readonly node: string;
      readonly removed: true;
    };
  };
  'POST /reload': {
    path: object;
    query: { reason?: string };
    body: undefined;
    answer: Schemas['Reload'];
  };
  'POST /rotate': {
    path: object;
    query: { reason?: string };
    body: undefined;
    answer: Schemas['Rotated'];
  };
  'POST /tap': {
    path: object;
    query: { listener?: string; count?: number; for?: string; maxBytes?: string };
    body: undefined;
    answer: string;
  };
}
