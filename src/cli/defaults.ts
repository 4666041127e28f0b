// What commands take where nothing is said, so that help can show it without loading a command.

/** Where a running gateway's admin API is. */
export const DEFAULT_ADMIN = 'http://127.0.0.1:9600';
export const TOKEN_VARIABLE = 'HL7_GATEWAY_TOKEN';

/** What the text of HL7 over HTTP asks for, and Mirth takes for text: `application/…` is binary to it. */
export const CONTENT_TYPE = 'x-application/hl7-v2+er7';

/** Where `certs init` puts an authority and the others look for it; git ignores it. */
export const DEFAULT_FOLDER = 'certs/dev';

/** Ten years: longer than any certificate under it, shorter than the machines that trust it. */
export const AUTHORITY_DAYS = 3650;
