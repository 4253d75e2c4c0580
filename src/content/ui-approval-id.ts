/**
 * A page knows an approval by one string, which names both the action and the request in it: `<actionId>:<request id>`. A
 * colon of the action's own id is written as `%3A`, so that the first colon parts the two.
 */

/** Makes the approval id of a request, or of a question, of an action. */
export function approvalIdOf(actionId: string, requestId: string): string {
  return `${actionId.replaceAll('%', '%25').replaceAll(':', '%3A')}:${requestId}`;
}

/** Takes an approval id apart; null for what is none. */
export function parseApprovalId(
  approvalId: string,
): { readonly actionId: string; readonly requestId: string } | null {
  const colon = approvalId.indexOf(':');
  if (colon < 1 || colon === approvalId.length - 1) return null;
  const actionId = approvalId.slice(0, colon).replaceAll('%3A', ':').replaceAll('%25', '%');
  return { actionId, requestId: approvalId.slice(colon + 1) };
}
