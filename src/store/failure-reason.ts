/** Why the server does not have an instance. */
export type FailureReason =
  /** Failure Reason (0008,1197) of the instance, four hex digits. */
  | { readonly code: 'failure-reason'; readonly value: string }
  /** The request was refused and no reason names the instance. */
  | { readonly code: 'refused'; readonly status: number }
  | { readonly code: 'too-large'; readonly bytes: number }
  | { readonly code: 'server-full' }
  | { readonly code: 'server-error'; readonly status: number }
  | { readonly code: 'unreachable' }
  /** The server said it was stored, and does not list it. */
  | { readonly code: 'missing-after-store' }
  /** The server holds other pixels under the same SOP Instance UID. */
  | { readonly code: 'other-pixels' }
  /** The server lists it and does not let us read it back. */
  | { readonly code: 'not-readable'; readonly status: number }
  /** What the server gives back is damaged, or compressed in a way that nothing here decodes. */
  | { readonly code: 'not-decodable' };

/** One plain sentence. */
export function describeReason(reason: FailureReason): string {
  switch (reason.code) {
    case 'failure-reason':
      return `The server refused it with Failure Reason ${reason.value} (${meaningOf(reason.value)}).`;
    case 'refused':
      return `The server refused it (HTTP ${reason.status}) and gave no reason.`;
    case 'too-large':
      return `The server takes no request of ${reason.bytes} bytes.`;
    case 'server-full':
      return 'The server is out of space or other resources.';
    case 'server-error':
      return `The server failed (HTTP ${reason.status}) at every attempt.`;
    case 'unreachable':
      return 'The connection broke at every attempt.';
    case 'missing-after-store':
      return 'The server said it was stored, and does not list it.';
    case 'other-pixels':
      return 'The server holds other pixels under the same SOP Instance UID.';
    case 'not-readable':
      return `The server lists it and does not let it be read back (HTTP ${reason.status}).`;
    case 'not-decodable':
      return 'The server lists it, and what it gives back for it cannot be decoded.';
  }
}

/** PS3.18 table 10.5.3-2, PS3.7 annex C. */
function meaningOf(value: string): string {
  if (value.startsWith('A7')) return 'out of resources';
  if (value.startsWith('A9')) return 'the data set does not match its SOP class';
  if (value.startsWith('C')) return 'the server cannot understand the data set';
  const named: Record<string, string> = {
    '0110': 'processing failure',
    '0111': 'duplicate SOP instance',
    '0117': 'invalid SOP instance',
    '0122': 'SOP class not supported',
    '0124': 'not authorised',
    '0213': 'resource limitation',
    '0272': 'referenced transfer syntax not supported',
  };
  return named[value] ?? 'see PS3.7 annex C';
}
