//! The fingerprint of RSA keys that a broken generator made (CVE-2017-15361): their moduli are powers of 65537 modulo
//! each small prime, and can be factored.

const PRIMES: [u32; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];

/// Whether a modulus, big endian, has the fingerprint. A sound one has it with a probability below 2⁻²⁷.
pub(super) fn has_fingerprint(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| {
        let residue = modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let mut power = 1;
        for _ in 0..*prime {
            if power == residue {
                return true;
            }
            power = power * (65537 % prime) % prime;
        }
        false
    })
}
