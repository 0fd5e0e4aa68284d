/** Sound for a page whose server carries none: what it hears is made in the page. */

/** Lets the page hear a chord with some noise, as a band would sound to the spectrum. */
export function playTones(page) {
  return page.evaluate(() => {
    const { context, to } = window.heard;
    const out = new GainNode(context, { gain: 0.5 });
    out.connect(to);
    for (const [hz, gain] of [[82, 0.3], [123, 0.24], [165, 0.2], [247, 0.16], [330, 0.2], [494, 0.1], [660, 0.07], [988, 0.05], [1320, 0.04], [1976, 0.02], [2640, 0.014], [3960, 0.008], [5280, 0.004]]) {
      const tone = new OscillatorNode(context, { frequency: hz });
      tone.connect(new GainNode(context, { gain })).connect(out);
      tone.start();
    }
    // Each octave of it half as loud as the one below.
    const noise = new AudioBuffer({ length: context.sampleRate, sampleRate: context.sampleRate });
    const samples = noise.getChannelData(0);
    for (let i = 0, last = 0; i < samples.length; i += 1) samples[i] = last = 0.97 * last + 0.04 * (Math.random() * 2 - 1);
    const hiss = new AudioBufferSourceNode(context, { buffer: noise, loop: true });
    hiss.connect(new GainNode(context, { gain: 0.5 })).connect(out);
    hiss.start();
  });
}
