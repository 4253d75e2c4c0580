/** The SDK's names for its events. */

export const CONTEXT_USAGE = 'on_context_usage';

/** A client can show or fold these, so they become job events, under the same name. */
export const CLIENT_EVENTS = [
  'on_run_step',
  'on_run_step_delta',
  'on_run_step_completed',
  'on_run_step_closed',
  'on_message_delta',
  'on_reasoning_delta',
  'on_agent_update',
  'on_subagent_update',
  'on_summarize_start',
  'on_summarize_delta',
  'on_summarize_complete',
  CONTEXT_USAGE,
  'on_custom_event',
] as const;

export const RUN_STEP_COMPLETED = 'on_run_step_completed';
export const SUBAGENT_UPDATE = 'on_subagent_update';
export const TOOL_EXECUTE = 'on_tool_execute';
export const MODEL_END = 'on_chat_model_end';

/** The SDK binds an approval to what it was given for under this key. */
export const EXECUTION_SCOPE = '__librechat_tool_approval_execution_scope';
