/** The side of workers that runs in the web process: run tokens, and the routes that a worker talks to. */
export type {
  TokenKeySet as RunTokenKeySet,
  TokenKeys as RunTokenKeys,
  TokenSecret as RunTokenSecret,
} from '../../tokens/token-keys.js';
export { createWorkerRouter } from './express.js';
export type { HookFatal, WorkerHandlerOptions, WorkerRouterOptions } from './gateway-options.js';
export {
  type IssuedRun,
  type IssueRunTokenOptions,
  issueRunToken,
  type RunClaims,
  type VerifiedRun,
  type VerifyRunTokenOptions,
  verifyRunToken,
} from './run-tokens.js';
export { createWorkerHandler } from './web.js';
export { workerLost } from './worker-lost.js';
