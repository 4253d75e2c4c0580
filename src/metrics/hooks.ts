/** The hooks of a host by the name that counts their failures; a hook of another name counts as `other`. */
export const HOOKS = [
  'describeEnd',
  'settle',
  'recover',
  'recoverMode',
  'onFollowersGone',
  'publicMetadata',
  'onDeleted',
  'onPaused',
  'onProgress',
  'beforeResolve',
  'authorize',
  'actionType',
  'contentModel',
  'seal',
  'onError',
  'onReadable',
  'logger',
  'observer',
  'other',
] as const;
export const OTHER_HOOK = 'other';
