// The kinds of private keys that are made.

/** `rsa-2048`: NIST SP 800-57's 112 bits of security, and what every node of the last fifteen years can check. */
export const KEY_KINDS = ['rsa-2048', 'rsa-3072', 'ec-p256', 'ec-p384'] as const;
export type KeyKind = (typeof KEY_KINDS)[number];
