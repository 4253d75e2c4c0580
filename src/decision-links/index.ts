/** Links by which a person decides an action from elsewhere, without a session, once; and telling of it once. */
export type { OnResume } from '../http/route-options.js';
export type { TokenKeySet, TokenKeys, TokenSecret } from '../tokens/token-keys.js';
export {
  createDecisionLinks,
  type DecisionLink,
  type DecisionLinkInput,
  type DecisionLinks,
  type DecisionLinksOptions,
} from './decision-links.js';
export type { DecisionHandlerOptions, DecisionRouterOptions } from './decision-options.js';
export { createDecisionRouter } from './express.js';
export type { LinkAnswer, LinkDecision } from './link-scope.js';
export type { LinkShows } from './shown-action.js';
export { tellOnce } from './tell-once.js';
export { createDecisionHandler } from './web.js';
