/**
 * For tests that count commands, list keys or take something from an index. A walk over all streams begins at a moment drawn
 * from the first quarter of `repairMs`; with this it doesn't begin while they run.
 */
export const NO_WALK = { repairMs: 300 * 24 * 3_600_000 } as const;
