"""libopus of this machine by ctypes: encoding speech once, decoding what a listener got, with in-band FEC and
concealment as the caller asks for it. Mono, 48 kHz, packets of 20 ms."""

import ctypes
import ctypes.util

import numpy as np

RATE = 48_000
FRAME = 960
_VOIP = 2048
_SET_BITRATE, _SET_INBAND_FEC, _SET_LOSS, _SET_COMPLEXITY, _GET_LOOKAHEAD = 4002, 4012, 4014, 4010, 4027


def _library():
    name = ctypes.util.find_library("opus") or "libopus.so.0"
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        raise SystemExit(f"libopus is missing ({error}); on Debian: apt-get install libopus0") from None
    library.opus_encoder_create.restype = library.opus_decoder_create.restype = ctypes.c_void_p
    library.opus_get_version_string.restype = ctypes.c_char_p
    return library


_opus = _library()


def version():
    """As libopus says it."""
    return _opus.opus_get_version_string().decode()


class Encoder:
    """Speech at 32 kbit/s with what a browser sets; `loss_percent` above 0 makes it send FEC."""

    def __init__(self, bitrate=32_000, fec=True, loss_percent=20, complexity=10, application=_VOIP, channels=1):
        error = ctypes.c_int()
        self._channels = channels
        self._state = ctypes.c_void_p(_opus.opus_encoder_create(RATE, channels, application, ctypes.byref(error)))
        assert error.value == 0, f"opus_encoder_create: {error.value}"
        settings = (_SET_BITRATE, bitrate), (_SET_INBAND_FEC, int(fec)), (_SET_LOSS, loss_percent if fec else 0)
        for request, value in (*settings, (_SET_COMPLEXITY, complexity)):
            assert _opus.opus_encoder_ctl(self._state, request, ctypes.c_int(value)) == 0, request
        self._out = (ctypes.c_ubyte * 4000)()

    @property
    def lookahead(self):
        """By how many samples what is decoded is later than what was encoded."""
        value = ctypes.c_int()
        assert _opus.opus_encoder_ctl(self._state, _GET_LOOKAHEAD, ctypes.byref(value)) == 0
        return value.value

    def encode(self, signal):
        """The packets of a float array, shape (samples,), full scale 1.0; what is short of a packet is left out."""
        pcm = np.round(signal * 32768).clip(-32768, 32767).astype(np.int16)
        packets = []
        for at in range(0, len(pcm) - FRAME + 1, FRAME):
            frame = np.ascontiguousarray(np.repeat(pcm[at : at + FRAME], self._channels))
            size = _opus.opus_encode(self._state, frame.ctypes.data_as(ctypes.c_void_p), FRAME, self._out, 4000)
            assert size > 0, f"opus_encode: {size}"
            packets.append(bytes(self._out[:size]))
        return packets

    def __del__(self):
        _opus.opus_encoder_destroy(self._state)


class Decoder:
    """Each call gives one 20 ms frame of mono sound; a stereo packet comes out as the mean of its channels."""

    def __init__(self):
        error = ctypes.c_int()
        self._state = ctypes.c_void_p(_opus.opus_decoder_create(RATE, 1, ctypes.byref(error)))
        assert error.value == 0, f"opus_decoder_create: {error.value}"
        self._pcm = np.zeros(5760, np.int16)

    def decode(self, packet):
        """The sound of a packet; of None: concealment."""
        return self._decode(packet, FRAME if packet is None else 5760, 0)

    def decode_fec(self, next_packet):
        """The lost frame before `next_packet`, from its FEC, or concealed if it carries none."""
        return self._decode(next_packet, FRAME, 1)

    def _decode(self, packet, room, fec):
        data, size = (None, 0) if packet is None else (packet, len(packet))
        out = self._pcm.ctypes.data_as(ctypes.c_void_p)
        samples = _opus.opus_decode(self._state, data, size, out, room, fec)
        assert samples > 0, f"opus_decode: {samples}"
        return self._pcm[:samples].astype(np.float32) / 32768

    def __del__(self):
        _opus.opus_decoder_destroy(self._state)


def transcode(signal, **settings):
    """Encoded and decoded once, and put back by the look-ahead so that it lies on `signal`."""
    encoder, decoder = Encoder(**settings), Decoder()
    late = encoder.lookahead
    padded = np.concatenate([signal, np.zeros(2 * FRAME, signal.dtype)])
    decoded = np.concatenate([decoder.decode(packet) for packet in encoder.encode(padded)])
    return decoded[late : late + len(signal)]
