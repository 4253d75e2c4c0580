/**
 * A stream lies in one hash slot of a cluster, by the Redis Cluster specification: CRC-16 (XMODEM) of the part in
 * braces, modulo 16,384.
 */
const SLOTS = 16_384;
const POLYNOMIAL = 0x1021;

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
  return crc;
});

/** @param tag ASCII, as the names of streams and tenants are */
export function clusterSlot(tag: string): number {
  let crc = 0;
  for (let at = 0; at < tag.length; at++) {
    crc = ((crc << 8) & 0xffff) ^ (TABLE[(crc >> 8) ^ (tag.charCodeAt(at) & 0xff)] ?? 0);
  }
  return crc % SLOTS;
}
