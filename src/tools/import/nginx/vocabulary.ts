// Directives of nginx that need nothing here, and those that have no counterpart, with the reason.

const INHERENT =
  /^(user|worker_\w+|pid|events|daemon|master_process|error_log|access_log|log_format|log_not_found|log_subrequest|open_log_file_cache|load_module|multi_accept|use|accept_mutex\w*|pcre_jit|thread_pool|env|timer_resolution|lock_file|debug_\w+|sendfile\w*|tcp_nopush|tcp_nodelay|aio\w*|directio\w*|output_buffers|types\w*|default_type|server_tokens|server_names_hash\w*|map_hash\w*|variables_hash\w*|charset\w*|keepalive|keepalive_requests|keepalive_time|zone|gzip\w*|gunzip\w*|brotli\w*|proxy_http_version|proxy_buffer\w*|proxy_busy_buffers_size|proxy_request_buffering|proxy_max_temp_file_size|proxy_temp_\w+|proxy_redirect|proxy_headers_hash\w*|proxy_ignore_client_abort|proxy_next_upstream\w*|proxy_socket_keepalive|proxy_send_timeout|proxy_pass_request_\w+|proxy_ssl_session_reuse|proxy_ssl_protocols|proxy_set_body|client_body_buffer_size|client_body_temp_path|client_header_buffer_size|reset_timedout_connection|lingering_\w+|resolver\w*|ssl_session_\w+|ssl_prefer_server_ciphers|ssl_dhparam|ssl_stapling\w*|ssl_buffer_size|ssl_early_data|real_ip_recursive|real_ip_header|http2\w*|absolute_redirect|port_in_redirect|server_name_in_redirect|underscores_in_headers|ignore_invalid_headers|merge_slashes|status_zone|proxy_upload_rate|proxy_download_rate|preread_\w+|open_file_cache\w*|expires|etag|if_modified_since|proxy_cookie_\w+|chunked_transfer_encoding)$/;

const LEFT: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [
    /^(root|alias|try_files|index|autoindex\w*|fastcgi\w*|uwsgi\w*|scgi\w*|grpc\w*|memcached\w*|dav\w*)$/,
    'the gateway serves no files and runs no programs',
  ],
  [/^include$/, 'files that it includes are not read: put them in its place'],
  [
    /^(if|map|geo|set|split_clients|js_\w+|lua_\w+|\w+_by_lua\w*|perl\w*)$/,
    'there are no scripts and variables',
  ],
  [/^(limit_\w+)$/, 'nothing is counted by client; limits.maxConnectionsPerSource bounds connections'],
  [/^(proxy_cache\w*|proxy_store\w*|proxy_no_cache)$/, 'nothing is cached'],
  [/^(error_page|proxy_intercept_errors)$/, "pages for errors are the gateway's own"],
  [
    /^(ssl_ciphers|ssl_ecdh_curve|ssl_conf_command|proxy_ssl_ciphers)$/,
    'ciphers are those of OpenSSL for TLS 1.2 and 1.3',
  ],
  [/^ssl_preread$/, 'the name in a TLS handshake is no condition'],
  [/^client_max_body_size$/, 'bodies have no limit here, but for messages: limits.maxFrame'],
  [/^large_client_header_buffers$/, 'see listeners.NAME.http.maxHeaderSize'],
  [/^(mail|smtp\w*|imap\w*|pop3\w*)$/, 'there is no mail here'],
  [/^(health_check|match)$/, 'see pools.NAME.health: nodes are checked in any case'],
  [/^(auth_request\w*|satisfy)$/, 'nobody is asked about a request'],
];

export function needsNothing(name: string): boolean {
  return INHERENT.test(name);
}

export function whyNginxLeft(name: string): string {
  return LEFT.find(([pattern]) => pattern.test(name))?.[1] ?? 'this command does not know it';
}
