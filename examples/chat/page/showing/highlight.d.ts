/** What the page uses of highlight.js as it is built for browsers; that package has no types of its own. */
declare module '@highlightjs/cdn-assets/es/core.min.js' {
  /** Made by a language's module for the highlighter alone. */
  export type Grammar = (highlighter: unknown) => object;

  const hljs: {
    registerLanguage(name: string, grammar: Grammar): void;
    /** Knows aliases too, such as `ts` and `html`. */
    getLanguage(name: string): object | undefined;
    highlight(code: string, options: { language: string; ignoreIllegals?: boolean }): { value: string };
  };
  export default hljs;
}

declare module '@highlightjs/cdn-assets/es/languages/*.min.js' {
  const grammar: import('@highlightjs/cdn-assets/es/core.min.js').Grammar;
  export default grammar;
}
