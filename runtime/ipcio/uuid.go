package ipcio

import (
	"encoding/hex"
	"fmt"
)

// UUID is a 128-bit identifier (RFC 9562). On the wire it is tag 37 around 16
// bytes. The zero value is the nil UUID.
type UUID [16]byte

// ParseUUID reads the form String writes: 36 characters, 8-4-4-4-12 hex
// digits of either case, separated by hyphens.
func ParseUUID(s string) (UUID, error) {
	var u UUID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return UUID{}, fmt.Errorf("ipcio: %q is not a UUID: want the form 00112233-4455-6677-8899-aabbccddeeff", clip(s))
	}
	digits := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	if _, err := hex.Decode(u[:], []byte(digits)); err != nil {
		return UUID{}, fmt.Errorf("ipcio: %q is not a UUID: want the form 00112233-4455-6677-8899-aabbccddeeff", clip(s))
	}
	return u, nil
}

// String returns the canonical form: lower-case hex digits, 8-4-4-4-12.
func (u UUID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], u[0:4])
	b[8] = '-'
	hex.Encode(b[9:13], u[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], u[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], u[8:10])
	b[23] = '-'
	hex.Encode(b[24:36], u[10:16])
	return string(b[:])
}

// MarshalText implements encoding.TextMarshaler.
func (u UUID) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *UUID) UnmarshalText(b []byte) error {
	v, err := ParseUUID(string(b))
	if err != nil {
		return err
	}
	*u = v
	return nil
}

// clip shortens untrusted text for a message.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
