/** The one change that an offer needs before it is used. */

/**
 * Says that this end wants stereo and may send it (RFC 7587 §7.1). Browsers decode to mono unless
 * their own description has `stereo=1`.
 */
export function withStereo(sdp: string): string {
  const opus = /^a=rtpmap:(\d+) opus\/48000\/2\r?$/im.exec(sdp)?.[1];
  if (opus === undefined) return sdp;
  const fmtp = new RegExp(`^(a=fmtp:${opus} )([^\\r\\n]*)`, "m");
  if (!fmtp.test(sdp)) {
    return sdp.replace(new RegExp(`^(a=rtpmap:${opus} [^\\r\\n]*)(\\r?\\n)`, "m"), `$1$2a=fmtp:${opus} stereo=1;sprop-stereo=1$2`);
  }
  return sdp.replace(fmtp, (_, start: string, parameters: string) => {
    const kept = parameters.split(";").filter((p) => p !== "" && !/^\s*(sprop-)?stereo=/.test(p));
    return start + [...kept, "stereo=1", "sprop-stereo=1"].join(";");
  });
}
