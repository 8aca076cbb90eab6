// Package payload defines the one realistic command every contestant carries,
// a digest over all of its fields (so that nobody can skip decoding one), and
// a deterministic sample of it.
package payload

import (
	"hash/crc32"
	"time"
)

// Command is the payload: a typed command with P bytes of blob.
type Command struct {
	ID      uint64
	Name    string
	Labels  map[string]string
	Tags    []string
	Score   float64
	Created int64
	Blob    []byte
}

// Reply answers a Command.
type Reply struct {
	ID     uint64
	Digest uint64
}

// LastScore marks the last event of a one-way run.
const LastScore = -1

// Sample builds the command with size bytes of blob.
func Sample(size int) *Command {
	c := &Command{
		ID:   1,
		Name: "camera.capture-1",
		Labels: map[string]string{
			"tenant": "north-harbour",
			"region": "eu-central-2",
			"trace":  "7f3a91c04be2d865",
		},
		Tags:    []string{"priority", "batch-0042", "nightly"},
		Score:   0.8715,
		Created: time.Date(2026, 5, 4, 12, 30, 15, 123456789, time.UTC).UnixNano(),
	}
	c.Blob = make([]byte, size)
	x := uint32(2463534242)
	for i := range c.Blob {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		c.Blob[i] = byte(x)
	}
	return c
}

// Clone copies the command's top level (maps and blob are shared, read only).
func (c *Command) Clone() *Command { d := *c; return &d }

// Digest reads every field.
func Digest(id uint64, name string, labels map[string]string, tags []string, score float64, created int64, blob []byte) uint64 {
	d := id + uint64(len(name))
	for k, v := range labels {
		d += uint64(len(k)*3 + len(v))
	}
	for _, t := range tags {
		d += uint64(len(t))
	}
	return d + uint64(int64(score*1000)) + uint64(created)&0xffff + Checksum(blob)
}

// Checksum reads every byte of a blob, with the CRC that processors compute in
// hardware, so that a stack which mixes up buffers is found out.
func Checksum(blob []byte) uint64 { return uint64(crc32.Checksum(blob, castagnoli)) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Digest reads every field of the command.
func (c *Command) Digest() uint64 {
	return Digest(c.ID, c.Name, c.Labels, c.Tags, c.Score, c.Created, c.Blob)
}
