/**
 * The lines that a hook's shell script begins with, so that no hook dies in silence: when it ends with anything but 0, or by a
 * signal, the control server is told, within two seconds; its critical clean-up runs however it ends; and it ends as it would
 * have without them. Plain POSIX shell: it needs curl, wget or bash, and no jq.
 */
import { z } from 'zod';
import { parseStrictly } from '../../stream/model/strict.js';

export interface HookGuardOptions {
  /** The hook's name, as it will be told. 1 to 256 characters. */
  readonly hook: string;
  /** The control server's port file; `GENERATION_JOBS_PORT_FILE` in the hook's environment names another. */
  readonly portFile: string;
}

const optionsSchema = z.strictObject({
  hook: z.string().min(1).max(256),
  portFile: z.string().min(1),
} satisfies Record<keyof HookGuardOptions, z.ZodType>);

/**
 * Returns the shell lines to put at the top of a hook. A hook that must clean up defines `hook_cleanup`, which runs on its exit;
 * it sets no traps of its own for EXIT, HUP, INT and TERM.
 *
 * @throws GenerationJobError `invalid_options`
 * @example
 * await writeFile('hooks/finish.sh', `#!/bin/sh\n${hookGuard({ hook: 'finish', portFile: 'run/port' })}\n${script}`);
 */
export function hookGuard(options: HookGuardOptions): string {
  const { hook, portFile } = parseStrictly('invalid_options', optionsSchema, options, 'options');
  return `_gj_name=${quoted(JSON.stringify(hook))}
_gj_port_file=\${GENERATION_JOBS_PORT_FILE:-${quoted(portFile)}}
${GUARD}`;
}

/** Puts a text between single quotes of the shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * The report goes first, in the background, so that a clean-up that takes long doesn't hold it up; then the clean-up; then the
 * report is waited for, which curl, wget and bash bound by two seconds. All of its output goes nowhere: who reads the hook's
 * standard output to its end must not wait for it.
 */
const GUARD = String.raw`_gj_signal=
_gj_post() {
  _gj_port=
  { IFS= read -r _gj_port < "$_gj_port_file"; } 2>/dev/null || :
  case $_gj_port in '' | *[!0-9]*) return 1 ;; esac
  _gj_url="http://127.0.0.1:$_gj_port/hook-fatal"
  if command -v curl >/dev/null 2>&1; then
    curl -q -sf --noproxy '*' --max-time 2 -H 'content-type: application/json' --data-binary "$1" "$_gj_url"
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O - --no-proxy --tries=1 --timeout=1 --header='content-type: application/json' --post-data="$1" "$_gj_url"
  elif command -v bash >/dev/null 2>&1; then
    bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$2" || exit 1
      size=$(printf %s "$1" | wc -c)
      printf "POST /hook-fatal HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n" "$2" >&3
      printf "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" "$size" "$1" >&3
      read -r -t 2 _ answer _ <&3 && [ "$answer" = 200 ]' bash "$1" "$_gj_port"
  else
    return 1
  fi
}
_gj_over() {
  _gj_status=$1
  set +e
  trap - EXIT
  trap '' HUP INT TERM
  _gj_report=
  if [ "$_gj_status" -ne 0 ]; then
    _gj_body='{"hook":'$_gj_name',"exitCode":'$_gj_status',"pid":'$$
    [ -z "$_gj_signal" ] || _gj_body=$_gj_body',"signal":"'$_gj_signal'"'
    ( _gj_post "$_gj_body}" ) </dev/null >/dev/null 2>&1 &
    _gj_report=$!
  fi
  if command -v hook_cleanup >/dev/null 2>&1; then
    ( hook_cleanup )
  fi
  if [ -n "$_gj_report" ]; then
    wait "$_gj_report" || printf 'The hook %s died (%s), and nobody could be told.\n' "$_gj_name" "$_gj_status" >&2
  fi
  if [ -n "$_gj_signal" ]; then
    trap - "$_gj_signal"
    kill -s "$_gj_signal" $$
  fi
  exit "$_gj_status"
}
trap '_gj_over $?' EXIT
trap '_gj_signal=HUP; exit 129' HUP
trap '_gj_signal=INT; exit 130' INT
trap '_gj_signal=TERM; exit 143' TERM`;
