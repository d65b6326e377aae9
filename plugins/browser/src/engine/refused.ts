/** What the component refuses with, as the one class of errors. */

import type { PolicyProblem } from '../api/types.js';
import { type ErrorData, PortcullisError } from '../errors.js';
import type { ErrorAnswer } from '../worker/protocol.js';

/** The error of an answer. */
export function refused(error: ErrorAnswer): PortcullisError {
  const { code, detail, errors, status, challenge, oauth_error: oauthError, headers } = error;
  const data: ErrorData = {
    ...(Array.isArray(errors) && { problems: errors as PolicyProblem[] }),
    ...(typeof status === 'number' && { status }),
    ...(typeof challenge === 'string' && { challenge }),
    ...(typeof oauthError === 'string' && { oauthError }),
    ...(Array.isArray(headers) && { headers: headers as [string, string][] }),
  };
  return new PortcullisError(code, detail, data);
}
