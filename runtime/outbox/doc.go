// Package outbox keeps what a client has accepted on disk, so that it outlives
// the client's process:
//
//	c, err := ipcio.NewClient(ipcio.ClientConfig{
//		Name:   "sensor",
//		Outbox: outbox.DurableSync("/var/lib/sensor/outbox"),
//	})
//
// From then on Emit, EmitTo and Broadcast return nil when the message is
// stored. The next process that opens the outbox goes on with the session: it
// sends what is not acknowledged, and the server knows what it has handled
// already. Calls are not stored, because whoever waits for the answer ends with
// the process; neither is what the server sends.
//
// There are two of them, and no default. With [DurableSync] an accepted message
// survives the power going off: Emit waits for fsync, which all Emits that wait
// at the same time share. With [DurableProcess] it survives the end of the
// process, kill -9 included, not that of the system: Emit waits until the
// kernel has it.
//
// The bounds are those of ClientConfig.Queue. On disk an outbox takes at most
// twice what waits in it and 16 MiB, but for what it holds while it is tidied.
//
// An event that kills the server would kill the next one too. After as many
// servers as ClientConfig.MaxDeliveries says it is given to
// ClientConfig.OnDeadLetter, or reported to OnGap if there is none, and deleted:
// with an outbox, set one of them. The count is stored with the events, so that
// it goes on in the next process.
//
// # When it fails
//
// A disk that is full makes Emit fail with ipcio.ErrQueueFull; nothing of the
// message is kept, and later ones may succeed. After a failed fsync, or another
// error of the disk, nobody knows what it holds: the outbox has failed, and
// every later Emit fails with [ErrFailed]. What was accepted before is still
// delivered by this process. Start it again when the disk is mended.
//
// What cannot be read when the outbox is opened is reported to OnGap with the
// reason ipcio.GapDamaged; of each file, everything before it is kept. A process
// or a system that ended while it wrote leaves the beginning of a record, of
// which Emit never returned nil. It is cut off and reported like any other.
//
// # Files
//
// An outbox is a directory of its owner's alone (0700), with a file "lock",
// which whoever has it open has locked with flock, and segments. A segment is
// named by its number, 16 hexadecimal digits, and ".log". Whoever opens the
// outbox begins a new one, as does whoever has written more than 4 MiB to one;
// the number of the first segment of a process is its generation. A segment is
// made under another name, with the ending ".tmp", and renamed. Only the first
// one is ever deleted, when nothing in it is needed any more; if it is needed
// for long, what is left is written again at the end of the last one.
//
// Numbers are little-endian. A checksum is CRC-32C (RFC 3720, appendix B.4). A
// segment begins with
//
//	  0  "ipcio-outbox 1\n" and a zero byte
//	 16  token of the session, 16 bytes
//	 32  number of the segment, 8 bytes
//	 40  domain: one byte for its length, 63 for its text
//	104  client: the same
//	168  zeros
//	508  checksum of bytes 0 to 507
//
// followed by two places of 512 bytes for the state. It is written in the last
// segment only, and never to the place of the one that is on the disk for sure;
// of two, the one with the higher count holds. A place of zeros was not written
// yet.
//
//	  0  count, 8 bytes
//	  8  1 connected, 2 the server said goodbye
//	  9  incarnation, 16 bytes
//	 25  the last number acknowledged, 8 bytes
//	 33  the last number written, 8 bytes
//	 41  the last number written in an earlier incarnation, 8 bytes
//	 49  the first suspected of killing the server, and the last, 8 bytes each
//	 65  servers that the first was delivered to and that ended, 4 bytes
//	 69  records of the type 3 in this segment, 4 bytes
//	 73  epoch of the server that the incarnation is with, 16 bytes; zeros if it is
//	     not known
//	 89  the last number written in this incarnation, 8 bytes
//	 97  zeros
//	508  checksum of bytes 0 to 507
//
// From byte 1536 on there are records:
//
//	 0  length of what follows the checksum, 4 bytes
//	 4  checksum of the length and of what follows
//	 8  type, one byte: 1 a message, 2 a message given up, 3 numbers changed
//	 9  number, 8 bytes
//	17  of type 1: the frame, as in PROTOCOL.md, without a number of its own that
//	    means anything; of type 3: what is added to the numbers of all messages
//	    before it from this one on, 8 bytes; of type 2: nothing
//
// What a version adds to a state, an earlier one has left zero and does not read:
// each reads the files of the other.
//
// A message with the number of an earlier one is the same message.
package outbox
