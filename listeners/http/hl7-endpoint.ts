// Where requests that hold a message come in: who may post one (RFC 7617), and then its reception.
// Promises that nothing of the body is read of a sender that is not known.
import { asGatewayError, GatewayError } from '../../src/errors.ts';
import type { ContentType } from '../../src/hl7/content-type.ts';
import { acceptedCodings } from '../../src/http/content-coding.ts';
import type { HeaderFields } from '../../src/http/fields.ts';
import { Users } from './basic-auth.ts';
import type { ClientRequest } from './client-request.ts';
import { type AnyServerResponse, refuse } from './client-response.ts';
import { Hl7Reception, type Hl7ReceptionOptions } from './hl7-reception.ts';

export class Hl7Endpoint {
  readonly #options: Hl7ReceptionOptions;
  readonly #users: Users;

  constructor(options: Hl7ReceptionOptions) {
    this.#options = options;
    this.#users = new Users(options.config.http);
  }

  /** `type`: of the body; undefined where the route alone says that it is HL7. */
  receive(request: ClientRequest, response: AnyServerResponse, type: ContentType | undefined): void {
    const start = (): void => new Hl7Reception(request, response, type, this.#options).start();
    if (this.#users.isEmpty) {
      try {
        start();
      } catch (thrown) {
        this.#refuse(request, response, asGatewayError(thrown));
      }
      return;
    }
    this.#users
      .check(request.header('authorization'))
      .then((known) => {
        if (!known) throw new GatewayError('GW_ERR_HTTP_CREDENTIALS');
        if (!request.incoming.destroyed) start();
      })
      .catch((thrown: unknown) => this.#refuse(request, response, asGatewayError(thrown)));
  }

  #refuse({ peer, incoming }: ClientRequest, response: AnyServerResponse, error: GatewayError): void {
    this.#options.onFault(error, peer, incoming);
    refuse(response, error, true, this.#fieldsFor(error));
  }

  /** What would be taken instead: RFC 9110 11.6.1, 15.5.16. */
  #fieldsFor({ code }: GatewayError): HeaderFields {
    if (code === 'GW_ERR_HTTP_CREDENTIALS') return ['www-authenticate', this.#users.challenge];
    const { codings } = this.#options.config.http;
    return code === 'GW_ERR_HTTP_CODING' ? ['accept-encoding', acceptedCodings(codings)] : [];
  }
}
