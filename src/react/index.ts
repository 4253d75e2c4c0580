'use client';

/** A hook that follows a stream for a component. React 18 and 19. */
export type { ShownGeneration } from './generation-store.js';
export { type UsedGeneration, type UseGenerationOptions, useGeneration } from './use-generation.js';
