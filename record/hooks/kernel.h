// What the programs need to know of the kernel. Every access to these
// structures is relocated when a program is loaded, by the type information of
// the kernel that runs (BTF, CO-RE): what counts here are names, not places.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;
typedef long long s64;
typedef _Bool bool;

#define section(name) __attribute__((section(name), used))
#define inlined static __attribute__((always_inline)) inline
#define shared static __attribute__((noinline)) // by several programs

// How clang writes maps into the object (libbpf's convention).
#define number_of(name, value) int (*name)[value]
#define type_of(name, value) typeof(value) *name

// linux/bpf.h
enum { MAP_HASH = 1, MAP_ARRAY = 2, MAP_PERCPU_ARRAY = 6, MAP_LRU_HASH = 9, MAP_SK_STORAGE = 24, MAP_RINGBUF = 27 };
enum { NO_PREALLOC = 1, STORAGE_CREATE = 1, RING_NO_WAKEUP = 1, KEEP_NEW = 1 };

static void *(*const map_lookup)(void *map, const void *key) = (void *)1;
static long (*const map_delete)(void *map, const void *key) = (void *)3;
static long (*const map_update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static u64 (*const current_ids)(void) = (void *)14;
static u64 (*const socket_cookie)(void *) = (void *)46;
static void *(*const storage_get)(void *map, void *sk, void *value, u64 flags) = (void *)107;
static long (*const read_user)(void *to, u32 size, const void *from) = (void *)112;
static long (*const read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static long (*const read_kernel_text)(void *to, u32 size, const void *from) = (void *)115;
static u64 (*const boot_time)(void) = (void *)125;
static long (*const sequence_write)(void *seq, const void *data, u32 length) = (void *)127;
static void *(*const ring_reserve)(void *ring, u64 size, u64 flags) = (void *)131;
static void (*const ring_submit)(void *data, u64 flags) = (void *)132;
static void *(*const socket_of)(void *file) = (void *)162;

// The value of a field that is reached through kernel pointers. It calls a function:
// where the verifier knows what a pointer leads to, as it does of the arguments of
// programs of BTF and of what these lead to, the field is read as C does, in a tenth of
// the time.
#define get(field) ({ typeof(field) value_; read_kernel((void *)&value_, sizeof(value_), (const void *)&(field)); value_; })

// The value of a field of a structure that the verifier knows, or does not.
#define read(known, field) ((known) ? (field) : get(field))

// What the kernel that runs has (bpf_field_info_kind, bpf_type_info_kind).
enum { OFFSET = 0, EXISTS = 2, LEFT = 4, RIGHT = 5, TYPE_EXISTS = 0 };
#define has_type(type) __builtin_preserve_type_info(*(type *)0, TYPE_EXISTS)
#define has_field(field) __builtin_preserve_field_info(field, EXISTS)

// The value of a field of a few bits.
#define get_bits(base, field) ({ \
	u64 word_ = 0; /* the field lies within the first bytes, on little-endian machines */ \
	read_kernel(&word_, sizeof(word_), (void *)(base) + __builtin_preserve_field_info((base)->field, OFFSET)); \
	word_ << __builtin_preserve_field_info((base)->field, LEFT) >> __builtin_preserve_field_info((base)->field, RIGHT); })

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr { u8 in6_u[16]; };
struct ns_common { u32 inum; };
struct net { struct ns_common ns; };
typedef struct { struct net *net; } possible_net_t;
typedef struct { s64 counter; } atomic64_t;

struct sock_common {
	u32 skc_daddr, skc_rcv_saddr;
	u16 skc_dport; // network order
	u16 skc_num;
	u16 skc_family;
	u8 skc_state;
	u8 skc_ipv6only : 1;
	s32 skc_bound_dev_if;
	possible_net_t skc_net;
	atomic64_t skc_cookie; // 0 = nobody asked for it yet
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};

struct inode { unsigned long i_ino; };
struct file { struct inode *f_inode; };
struct socket { struct file *file; struct sock *sk; };
typedef struct { int owned; } socket_lock_t; // owned: by a process, in a system call
struct sock { struct sock_common __sk_common; u16 sk_type, sk_protocol; struct socket *sk_socket; socket_lock_t sk_lock; };
struct inet_sock { u16 inet_sport; }; // network order
struct tcp_sock {
	u64 bytes_sent, bytes_retrans, bytes_received;
	u32 total_retrans, srtt_us; // srtt_us: eighths of a microsecond
	u8 is_mptcp : 1;
};

// A connection of multipath TCP is a list of TCP connections.
struct list_head { struct list_head *next; };
struct mptcp_sock { struct list_head conn_list; };
struct mptcp_subflow_context { struct list_head node; struct sock *tcp_sock; };

struct pid_namespace { struct ns_common ns; };
struct upid { s32 nr; struct pid_namespace *ns; };
struct pid { u32 level; struct upid numbers[1]; };
typedef struct { s32 counter; } atomic_t;
struct signal_struct { atomic_t live; struct pid *pids[4]; };
typedef struct { u32 val; } kuid_t;
struct cred { kuid_t uid; };
struct nsproxy { struct net *net_ns; };
struct mm_struct { unsigned long arg_start, arg_end; };
struct task_struct {
	s32 pid, tgid;
	u32 flags;
	struct task_struct *real_parent, *group_leader;
	struct signal_struct *signal;
	u64 start_boottime;
	char comm[16];
	struct cred *real_cred;
	struct nsproxy *nsproxy;
	struct mm_struct *mm;
};
struct linux_binprm { const char *filename; };

struct seq_file;
struct bpf_iter_meta { struct seq_file *seq; };
struct bpf_iter__task_file { struct bpf_iter_meta *meta; struct task_struct *task; u32 fd; struct file *file; };
struct bpf_iter__tcp { struct sock_common *sk_common; };

struct bpf_sock_addr_kern { struct sock *sk; };

// Registers at a call, by architecture.
struct pt_regs___x86 { unsigned long di, ax; };
struct pt_regs___arm { unsigned long regs[31]; };

#pragma clang attribute pop

static struct task_struct *(*const current_task)(void) = (void *)158; // the verifier knows it

// What programs of control groups are given (linux/bpf.h): not relocated.
struct bpf_sock { u32 bound_dev_if, family, type, protocol; };
struct bpf_sock_addr {
	u32 user_family, user_ip4, user_ip6[4], user_port, family, type, protocol, source_ip4, source_ip6[4];
	void *sk;
};
