/** The side of workers that runs in the web process: run tokens, and the routes that a worker talks to. */
export {};
