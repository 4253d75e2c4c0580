/** An error of the host's own listener is reported as one of an event listener is: to the page, and it stops nothing here. */
export function reportUncaught(error: unknown): void {
  const { reportError } = globalThis as { readonly reportError?: (error: unknown) => void };
  if (reportError) reportError(error);
  else
    setTimeout(() => {
      throw error;
    });
}
