/**
 * The worker's side: it runs beside an agent outside the web process, such as on a machine that sees nothing but a gateway's
 * HTTP. It knows neither Redis nor the manager's parts.
 */
export {};
