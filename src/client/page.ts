/**
 * The page around the client, where there is one. Each of these is missing somewhere: Node has neither document nor
 * window, a worker has no document, and a browser can be wrong about being offline, so nothing rests on it alone.
 */
interface Target {
  addEventListener(type: string, listener: () => void): void;
  removeEventListener(type: string, listener: () => void): void;
}

const around = globalThis as Partial<Target> & {
  readonly document?: Target & { readonly hidden: boolean };
  readonly navigator?: { readonly onLine?: boolean };
};

/** Says whether the page is covered, or in a tab behind another; false where there is no page. */
export function isHidden(): boolean {
  return around.document?.hidden === true;
}

/** Says whether the browser knows of no network; false where nobody knows. */
export function isOffline(): boolean {
  return around.navigator?.onLine === false;
}

export interface PageListeners {
  /** Is called when somebody looks at the page, when it thaws, and when the network is back. */
  readonly onWake: () => void;
  /** Is called when the network goes. */
  readonly onOffline: () => void;
  /** Is called when the page is hidden. */
  readonly onHidden: () => void;
}

/** Listens to the page until the function that it returns is called. */
export function watchPage({ onWake, onOffline, onHidden }: PageListeners): () => void {
  const { document, addEventListener, removeEventListener } = around;
  const window = addEventListener && removeEventListener ? (around as Target) : undefined;
  const onVisibility = () => (isHidden() ? onHidden() : onWake());
  const heard: [Target | undefined, string, () => void][] = [
    [window, 'online', onWake],
    [window, 'focus', onWake],
    // From the back-forward cache, where everything stood still.
    [window, 'pageshow', onWake],
    [window, 'offline', onOffline],
    [document, 'visibilitychange', onVisibility],
    [document, 'resume', onWake],
  ];
  for (const [target, type, listener] of heard) target?.addEventListener(type, listener);
  return () => {
    for (const [target, type, listener] of heard) target?.removeEventListener(type, listener);
  };
}
