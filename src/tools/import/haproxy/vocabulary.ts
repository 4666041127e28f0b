// Directives of HAProxy that need no key here, and those that have none, each with the reason: what the reader of the result
// has to know. What this file does not name and nothing else reads is left as unknown.

type Words = readonly [pattern: RegExp, reason: string];

/** The directive's first words, without a `no` before them. */
const INHERENT: readonly RegExp[] = [
  // Of the process: systemd, the user it runs as, and its own log have their places outside the config.
  /^(daemon|user|group|uid|gid|chroot|pidfile|nbproc|nbthread|cpu-map|node|description|unix-bind|ulimit-n|quiet|debug|master-worker|hard-stop-after|set-dumpable|localpeer|grace|id|zero-warning|expose-experimental-directives|insecure-fork-wanted|strict-limits|external-check|server-state-file|server-state-base|load-server-state-from-file|presetenv|resetenv|spread-checks|thread-groups|default-path|fd-hard-limit|h1-case-adjust-file|mworker-max-reloads|numa-cpu-mapping|busy-polling|noepoll|nopoll|nosplice|nogetaddrinfo|noreuseport|maxpipes|max-spread-checks|profiling\.\w+|ssl-engine|ssl-server-verify|ssl-dh-param-file|wurfl-\S+|51degrees-\S+|deviceatlas-\S+|tune\.\S+|maxconnrate|maxsslconn|maxsslrate|maxsessrate)$/,
  /^(log|log-tag|log-format|log-format-sd|error-log-format|log-send-hostname|unique-id-format|unique-id-header|capture|bind-process|backlog|fullconn|hash-type|http-reuse|max-keep-alive-queue|dynamic-cookie-key|rate-limit|clitcpka\S*|srvtcpka\S*|enabled)( |$)/,
  /^option (httplog|tcplog|httpslog|dontlognull|dontlog-normal|logasap|log-separate-errors|log-health-checks|contstats|socket-stats|splice-\S+|tcpka|clitcpka|srvtcpka|nolinger|tcp-smart-\S+|http-use-htx|http-server-close|httpclose|forceclose|http-keep-alive|http-pretend-keepalive|http-no-delay|http-tunnel|prefer-last-server|redispatch|forwardfor|abortonclose|allbackups|idle-close-on-response|h1-case-adjust-\S+|independent-streams|http-ignore-probes|http-restrict-req-hdr-names|disable-h2-upgrade|external-check)$/,
  /^(redispatch|forwardfor|httplog|httpclose|tcplog|dontlognull|transparent-log)$/,
  /^timeout (client-fin|server-fin|tarpit|client-hs)$/,
  /^stats (timeout|refresh|realm|hide-version|show-\S+|maxconn|scope|uri|bind-process)$/,
  /^tcp-(request|response) inspect-delay$/,
  /^(http-request|http-response) (capture|set-log-level|set-nice|set-tos|set-mark|disable-l7-retry)$/,
];

const LEFT: readonly Words[] = [
  [
    /^(errorfile|errorfiles|errorloc|errorloc302|errorloc303|http-error)/,
    "pages for errors are the gateway's own",
  ],
  [/^compression/, 'nothing is compressed here; nodes may do so'],
  [/^filter/, 'there are no filters'],
  [/^lua-/, 'there is no Lua'],
  [/^http-request lua|^http-request use-service|^use-fcgi-app/, 'there are no such services'],
  [
    /^ssl-default-(bind|server)-(ciphers|ciphersuites|curves|sigalgs)$/,
    'ciphers are those of OpenSSL for TLS 1.2 and 1.3; tls.groups and tls.minVersion are what there is',
  ],
  [/^ssl-default-/, 'each listener and node has its own tls'],
  [/^(ca-base|crt-base|issuers-chain-path)/, 'paths are written out'],
  [/^(http-request|http-response) (set-var|unset-var)/, 'there are no variables'],
  [
    /^(http-request|tcp-request|http-response|tcp-response) (track-sc|sc-|content track|connection track|session track)/,
    'nothing is counted by client; limits.maxConnectionsPerSource bounds connections',
  ],
  [/^(http-request|http-response) (cache-use|cache-store)/, 'nothing is cached'],
  [
    /^(http-request|http-response) (add-acl|del-acl|set-map|del-map|send-spoe-group|wait-for-\S+|normalize-uri|set-query|set-uri|replace-uri|set-method|replace-\S+|set-\S+)/,
    'this part of a request cannot be changed here',
  ],
  [
    /^(reqrep|reqirep|reqset\S*|reqisetbe|reqdeny|reqideny|reqtarpit|reqitarpit|reqpass|reqipass|reqallow|reqiallow|rsprep|rspirep|rspdeny|rspideny)/,
    'regexes over whole header lines have no counterpart; write conditions and http.request by hand',
  ],
  [
    /^(stick match|stick store-response|stick store-request|stick-table)/,
    'this way of sticking has no counterpart; see pools.NAME.persistence',
  ],
  [
    /^(use-server|dispatch|server-template|http-send-name-header|email-alert|mailer|force-persist|ignore-persist|declare|monitor fail|monitor-net|fcgi|external-check)/,
    'there is no counterpart',
  ],
  [
    /^option (mysql-check|pgsql-check|redis-check|smtpchk|ldap-check|spop-check)$/,
    'nodes are checked by connecting to them only',
  ],
  [/^option/, 'this option has no counterpart'],
  [/^retry-on/, 'see pools.NAME.retry: what was not sent is tried elsewhere in any case'],
  [/^(tcp-check|http-check)/, 'this step of a check has no counterpart; see pools.NAME.health'],
  [/^stats socket/, 'commands to a running gateway go to its admin API'],
  [/^(stats)/, 'see docs/admin.md'],
  [
    /^(default-server|bind|server|balance|timeout|cookie|acl|mode|maxconn|use_backend|default_backend|source|retries)/,
    'it could not be read',
  ],
];

export function isInherent(words: readonly string[]): boolean {
  const text = firstWords(words);
  return INHERENT.some((pattern) => pattern.test(text));
}

export function whyLeft(words: readonly string[]): string {
  const text = firstWords(words);
  return LEFT.find(([pattern]) => pattern.test(text))?.[1] ?? 'this command does not know it';
}

function firstWords(words: readonly string[]): string {
  const [first = '', second = '', third = ''] = words[0] === 'no' ? words.slice(1) : words;
  if (/^(option|timeout|stats|stick|http-request|http-response|http-check|monitor)$/.test(first))
    return `${first} ${second}`;
  return first.startsWith('tcp-') ? `${first} ${second} ${third}`.trim() : first;
}
