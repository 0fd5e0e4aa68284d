/** The picture of a file: for each column the largest sample in it, 0 to 1. */

/** More samples than this are not looked at: an hour of sound must not stop the page. */
const LOOKED_AT = 4_000_000;

export function waveform(channels: readonly Float32Array[], columns: number): Float32Array {
  const picture = new Float32Array(columns);
  const length = channels[0]?.length ?? 0;
  const stride = Math.max(1, Math.ceil((length * channels.length) / LOOKED_AT));
  for (const samples of channels) {
    for (let column = 0; column < columns; column += 1) {
      const to = Math.floor(((column + 1) * length) / columns);
      let largest = picture[column] ?? 0;
      for (let i = Math.floor((column * length) / columns); i < to; i += stride) largest = Math.max(largest, Math.abs(samples[i] ?? 0));
      picture[column] = Math.min(largest, 1);
    }
  }
  return picture;
}
