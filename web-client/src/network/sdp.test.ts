import { expect, test } from "vitest";
import { example } from "../state/examples";
import { withStereo } from "./sdp";
import type { Offer } from "./wire";

const { sdp } = example<Offer>("offer").offer;

test("the_offer_asks_for_stereo_and_is_else_the_same", () => {
  const munged = withStereo(sdp);
  expect(munged).toContain("a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1\r\n");
  expect(munged.replace(";stereo=1;sprop-stereo=1", "")).toBe(sdp);
});

test("asking_twice_is_asking_once", () => {
  expect(withStereo(withStereo(sdp))).toBe(withStereo(sdp));
});

test("an_offer_without_parameters_gets_them", () => {
  const bare = sdp.replace(/a=fmtp:111[^\r\n]*\r\n/, "");
  expect(withStereo(bare)).toContain("a=rtpmap:111 opus/48000/2\r\na=fmtp:111 stereo=1;sprop-stereo=1\r\n");
});

test("another_codec_is_left_alone", () => {
  const other = sdp.replace("a=rtpmap:111 opus/48000/2", "a=rtpmap:111 PCMU/8000");
  expect(withStereo(other)).toBe(other);
});
