export interface ScriptedTurn {
  readonly reasoning?: readonly string[] | undefined;
  readonly text?: readonly string[] | undefined;
  readonly tools?:
    | readonly { readonly id: string; readonly name: string; readonly args: object }[]
    | undefined;
  readonly nameFirst?: boolean | undefined;
  readonly fails?: string | undefined;
}

export class ScriptedModel {
  constructor(fields: {
    script: readonly ScriptedTurn[] | ((prompt: string) => readonly ScriptedTurn[]);
    delayMs?: number | undefined;
    onTurn?: ((messages: object[]) => void) | undefined;
  });
}
