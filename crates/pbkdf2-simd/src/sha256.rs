//! The compression function of SHA-256 (FIPS 180-4, section 6.2.2) for the only form of block that PBKDF2 hashes a
//! million times: a digest after the 64 bytes of an HMAC key.
//!
//! In wasm this module has its own implementation, because the `sha2` crate pads and copies each block, and uses SIMD
//! only if it is enabled for the whole build. Native code uses `sha2`, which uses the processor's SHA instructions.

/// A digest or a state as words.
pub(super) type Words = [u32; 8];

/// The initial state.
pub(super) const INITIAL: Words = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The padding of a block with a digest after 64 bytes: the end marker and the length in bits.
const PADDING: Words = [0x8000_0000, 0, 0, 0, 0, 0, 0, (64 + 32) * 8];

#[cfg(not(target_arch = "wasm32"))]
pub(super) use native::Compressor;
#[cfg(target_arch = "wasm32")]
pub(super) use rounds::Compressor;

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use sha2::block_api::compress256;

    use super::{PADDING, Words};

    /// Compresses digests.
    #[derive(Default)]
    pub(crate) struct Compressor(());

    impl Compressor {
        /// Returns the state after a padded `digest`.
        #[expect(clippy::unused_self, reason = "the wasm version has scratch memory")]
        pub(crate) fn compress(&mut self, state: &Words, digest: &Words) -> Words {
            let mut block = [0; 64];
            for (bytes, word) in block.chunks_exact_mut(4).zip(digest.iter().chain(&PADDING)) {
                bytes.copy_from_slice(&word.to_be_bytes());
            }
            let mut state = *state;
            compress256(&mut state, &[block]);
            state
        }
    }
}

#[cfg(any(target_arch = "wasm32", test))]
mod rounds {
    use std::{array, hint::black_box};

    use zeroize::Zeroize as _;

    #[cfg(not(target_arch = "wasm32"))]
    use super::portable::{Four, add, four, lanes, next};
    #[cfg(target_arch = "wasm32")]
    use super::simd::{Four, add, four, lanes, next};
    use super::{PADDING, Words};

    /// The round constants, in groups of four like the schedule words.
    #[rustfmt::skip]
    const K: [[u32; 4]; 16] = [
        [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
        [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
        [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
        [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
        [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
        [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
        [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
        [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
        [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
        [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
        [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
        [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
        [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
        [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
        [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
        [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
    ];

    /// Compresses digests, with scratch memory that the wasm compiler cannot optimise away.
    ///
    /// The rounds read the schedule words from memory, because a load next to an addition is cheaper than extracting a
    /// lane from a vector. In addition, Cranelift delays pure computations until their results are needed. It would
    /// keep the sums of four rounds in more registers than there are. Storing the result of every other round forces it
    /// to compute in order, although the stored values are never read.
    #[derive(Default)]
    pub(crate) struct Compressor {
        words: [u32; 16],
        results: [u32; 16],
    }

    impl Drop for Compressor {
        fn drop(&mut self) {
            self.words.zeroize();
            self.results.zeroize();
        }
    }

    /// Eight rounds, after which each variable has its original role again.
    macro_rules! eight {
        ($round:ident, $i:expr, $a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident) => {
            $round!($i, $a $b $c $d $e $f $g $h);
            $round!($i + 1, $h $a $b $c $d $e $f $g);
            $round!($i + 2, $g $h $a $b $c $d $e $f);
            $round!($i + 3, $f $g $h $a $b $c $d $e);
            $round!($i + 4, $e $f $g $h $a $b $c $d);
            $round!($i + 5, $d $e $f $g $h $a $b $c);
            $round!($i + 6, $c $d $e $f $g $h $a $b);
            $round!($i + 7, $b $c $d $e $f $g $h $a);
        };
    }

    impl Compressor {
        /// Returns the state after a padded `digest`.
        #[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
        #[inline(never)]
        #[expect(clippy::many_single_char_names, reason = "the names of the standard")]
        pub(crate) fn compress(&mut self, state: &Words, digest: &Words) -> Words {
            let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
            let mut schedule: [Four; 4] = [
                four([digest[0], digest[1], digest[2], digest[3]]),
                four([digest[4], digest[5], digest[6], digest[7]]),
                four([PADDING[0], PADDING[1], PADDING[2], PADDING[3]]),
                four([PADDING[4], PADDING[5], PADDING[6], PADDING[7]]),
            ];
            // Maj(a, b, c) is b ^ ((a ^ b) & (b ^ c)), and its a ^ b is the b ^ c of the next round.
            let mut b_xor_c = b ^ c;
            macro_rules! round {
                ($i:expr, $a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident) => {
                    let i: usize = $i;
                    if i >= 16 && i % 4 == 0 {
                        let at = i / 4 % 4;
                        schedule[at] = next(
                            schedule[at],
                            schedule[(at + 1) % 4],
                            schedule[(at + 2) % 4],
                            schedule[(at + 3) % 4],
                        );
                        let words = lanes(add(schedule[at], four(K[i / 4])));
                        self.words[4 * at..4 * at + 4].copy_from_slice(&words);
                        black_box(&mut *self);
                    }
                    let word = match i {
                        0..8 => digest[i % 8].wrapping_add(K[i / 4][i % 4]),
                        8..16 => PADDING[i % 8].wrapping_add(K[i / 4][i % 4]),
                        _ => self.words[i % 16],
                    };
                    let sum =
                        $h.wrapping_add(word).wrapping_add($g ^ ($e & ($f ^ $g))).wrapping_add(
                            $e.rotate_right(6) ^ $e.rotate_right(11) ^ $e.rotate_right(25),
                        );
                    let a_xor_b = $a ^ $b;
                    $d = $d.wrapping_add(sum);
                    $h = sum.wrapping_add($b ^ (a_xor_b & b_xor_c)).wrapping_add(
                        $a.rotate_right(2) ^ $a.rotate_right(13) ^ $a.rotate_right(22),
                    );
                    b_xor_c = a_xor_b;
                    // The stride is three, because adjacent stores would be combined into one vector store.
                    if i % 2 == 1 {
                        self.results[3 * i % 16] = $h;
                    }
                };
            }
            eight!(round, 0, a b c d e f g h);
            eight!(round, 8, a b c d e f g h);
            eight!(round, 16, a b c d e f g h);
            eight!(round, 24, a b c d e f g h);
            eight!(round, 32, a b c d e f g h);
            eight!(round, 40, a b c d e f g h);
            eight!(round, 48, a b c d e f g h);
            eight!(round, 56, a b c d e f g h);
            let _ = b_xor_c;
            let last = [a, b, c, d, e, f, g, h];
            array::from_fn(|i| state[i].wrapping_add(last[i]))
        }
    }
}

/// Computes four schedule words at a time.
///
/// It uses `#[target_feature]` instead of a build flag, because functions with this attribute are safe to call in wasm.
#[cfg(target_arch = "wasm32")]
mod simd {
    use core::arch::wasm32::{
        u32x4, u32x4_add, u32x4_extract_lane, u32x4_shl, u32x4_shr, u32x4_shuffle, u32x4_splat,
        u64x2_shr, v128, v128_or, v128_xor,
    };

    pub(super) type Four = v128;

    #[target_feature(enable = "simd128")]
    #[inline]
    pub(super) fn four([a, b, c, d]: [u32; 4]) -> Four {
        u32x4(a, b, c, d)
    }

    #[target_feature(enable = "simd128")]
    #[inline]
    pub(super) fn lanes(x: Four) -> [u32; 4] {
        [
            u32x4_extract_lane::<0>(x),
            u32x4_extract_lane::<1>(x),
            u32x4_extract_lane::<2>(x),
            u32x4_extract_lane::<3>(x),
        ]
    }

    #[target_feature(enable = "simd128")]
    #[inline]
    pub(super) fn add(x: Four, y: Four) -> Four {
        u32x4_add(x, y)
    }

    /// Returns the four words after these sixteen.
    #[target_feature(enable = "simd128")]
    #[inline]
    pub(super) fn next(x0: Four, x4: Four, x8: Four, x12: Four) -> Four {
        let x1 = u32x4_shuffle::<1, 2, 3, 4>(x0, x4);
        let x9 = u32x4_shuffle::<1, 2, 3, 4>(x8, x12);
        let sum = add(add(x0, x9), sigma0(x1));
        // The last two words need sigma1 of the first two.
        let none = u32x4_splat(0);
        let first = sigma1(u32x4_shuffle::<2, 2, 3, 3>(x12, x12));
        let sum = add(sum, u32x4_shuffle::<0, 2, 4, 4>(first, none));
        let last = sigma1(u32x4_shuffle::<0, 0, 1, 1>(sum, sum));
        add(sum, u32x4_shuffle::<4, 4, 0, 2>(last, none))
    }

    #[target_feature(enable = "simd128")]
    #[inline]
    fn sigma0(x: Four) -> Four {
        let by_7 = v128_or(u32x4_shr(x, 7), u32x4_shl(x, 25));
        let by_18 = v128_or(u32x4_shr(x, 18), u32x4_shl(x, 14));
        v128_xor(v128_xor(by_7, by_18), u32x4_shr(x, 3))
    }

    /// Computes sigma1 of words that occur twice in each half. Shifting the half rotates the word in its lower lane.
    #[target_feature(enable = "simd128")]
    #[inline]
    fn sigma1(x: Four) -> Four {
        v128_xor(v128_xor(u64x2_shr(x, 17), u64x2_shr(x, 19)), u32x4_shr(x, 10))
    }
}

/// The same functions without vectors, so that the rounds can be tested natively and the vectors can be tested against
/// them.
#[cfg(test)]
mod portable {
    use std::array;

    pub(super) type Four = [u32; 4];

    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn four(words: [u32; 4]) -> Four {
        words
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn lanes(x: Four) -> [u32; 4] {
        x
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn add(x: Four, y: Four) -> Four {
        array::from_fn(|i| x[i].wrapping_add(y[i]))
    }

    /// Returns the four words after these sixteen.
    pub(super) fn next(x0: Four, x4: Four, x8: Four, x12: Four) -> Four {
        let mut words = [x0, x4, x8, x12, [0; 4]].concat();
        for i in 16..20 {
            let (x1, x14) = (words[i - 15], words[i - 2]);
            words[i] = words[i - 16]
                .wrapping_add(x1.rotate_right(7) ^ x1.rotate_right(18) ^ (x1 >> 3))
                .wrapping_add(words[i - 7])
                .wrapping_add(x14.rotate_right(17) ^ x14.rotate_right(19) ^ (x14 >> 10));
        }
        array::from_fn(|i| words[16 + i])
    }
}

#[cfg(test)]
mod tests {
    use std::array;

    use sha2::{Digest as _, Sha256, block_api::compress256};

    use super::{rounds::Compressor as OwnCompressor, *};

    /// Returns pseudorandom words for a seed.
    fn words<const N: usize>(seed: u32) -> [u32; N] {
        let bytes = |i: usize| Sha256::digest(format!("{seed}/{i}"));
        array::from_fn(|i| u32::from_be_bytes(bytes(i)[..4].try_into().unwrap()))
    }

    #[test]
    fn rounds_match_the_sha2_crate() {
        let corners = [[0; 8], [u32::MAX; 8], [1; 8], [0x8000_0000; 8]].map(|words| (words, words));
        let mut compressor = OwnCompressor::default();
        for (state, digest) in (0..200).map(|i| (words(i), words(!i))).chain(corners) {
            let block = [digest, PADDING].concat();
            let block: Vec<u8> = block.into_iter().flat_map(u32::to_be_bytes).collect();
            let mut expected = state;
            compress256(&mut expected, &[block.try_into().unwrap()]);
            assert_eq!(compressor.compress(&state, &digest), expected);
            assert_eq!(Compressor::default().compress(&state, &digest), expected);
        }
    }

    #[cfg(target_arch = "wasm32")]
    #[test]
    fn vector_schedule_matches_scalar_schedule() {
        for seed in 0..200 {
            let x: [[u32; 4]; 4] = array::from_fn(|i| words(seed * 4 + u32::try_from(i).unwrap()));
            let [x0, x4, x8, x12] = x.map(|words| simd::four(words));
            let next = simd::lanes(simd::next(x0, x4, x8, x12));
            assert_eq!(next, portable::next(x[0], x[1], x[2], x[3]));
        }
    }
}
