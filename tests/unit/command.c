/* The command line, given to a real QEMU: every bus, format, firmware and card starts; guests boot from each bus; a
 * plugged device is the one that the command line would have made. */
#include "qemu/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "qemu/qmp.h"

enum { DEBUG_FD = 200 };

static char *scratch;

static json_object *new_vm(void)
{
	static const char text[] =
		"{\"name\":\"test\",\"uuid\":\"3b5c0a3e-9a53-4b43-8c8e-2f2b5e2f4f10\",\"machine\":\"pc-q35-7.2\","
		"\"firmware\":\"bios\",\"cpu\":{\"sockets\":1,\"cores\":1,\"threads\":1,\"model\":\"host\"},"
		"\"memory\":134217728,\"disks\":{},\"cdroms\":{},\"nics\":{},\"serial\":true,\"display\":\"vga\","
		"\"agent\":true,\"boot\":[]}";
	return json_parse(text, strlen(text), NULL);
}

static void add_device(json_object *vm, const char *map, const char *key, const char *text)
{
	g_autoptr(GError) error = NULL;
	json_object *device = json_parse(text, strlen(text), &error);
	g_assert_no_error(error);
	json_set(json_get(vm, map), key, device);
	qemu_assign_addresses(vm, &error);
	g_assert_no_error(error);
}

static void add_disk(json_object *vm, const char *key, const char *bus, const char *format)
{
	g_autofree char *text = g_strdup_printf("{\"bus\":\"%s\",\"format\":\"%s\",\"serial\":\"S-%s\"}", bus, format,
						key);
	add_device(vm, "disks", key, text);
}

/* A boot sector that writes "ok" to the debug console and stops. */
static const guint8 boot_sector[] = {0xb0, 'o', 0xe6, 0xe9, 0xb0, 'k', 0xe6, 0xe9, 0xfa, 0xf4, 0xeb, 0xfd};

static int make_file(const char *name, goffset size, const char *format)
{
	g_autofree char *path = g_build_filename(scratch, name, NULL);
	g_autoptr(GError) error = NULL;
	if (g_str_equal(format, "qcow2")) {
		g_autofree char *raw = g_strconcat(path, ".raw", NULL);
		close(make_file(g_strrstr(raw, "/") + 1, size, "raw"));
		const char *const argv[] = {"qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, path, NULL};
		process_run(argv, 20000, NULL, &error);
		g_assert_no_error(error);
		return open(path, O_RDWR | O_CLOEXEC);
	}
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	guint8 sector[512] = {0};
	memcpy(sector, boot_sector, sizeof boot_sector);
	sector[510] = 0x55;
	sector[511] = 0xaa;
	g_assert_true(fd_write_all(fd, sector, sizeof sector));
	g_assert_cmpint(ftruncate(fd, size), ==, 0);
	return fd;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_strlcpy(address.sun_path, path, sizeof address.sun_path);
	unlink(path);
	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
	g_assert_cmpint(listen(fd, 8), ==, 0);
	return fd;
}

typedef struct Machine {
	pid_t pid;
	char *qmp_path;
	int debug; /* what the guest writes to the debug console */
	int passt[10];    /* the other ends of user-mode cards' sockets */
	guint passt_count;
	Qmp *qmp;
} Machine;

static int reopen_read_only(const char *name)
{
	g_autofree char *path = g_build_filename(scratch, name, NULL);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int open_need(Machine *machine, json_object *vm, const QemuNeed *need)
{
	const char *key = strchr(need->name, ':');
	g_autofree char *path = g_build_filename(scratch, need->name, NULL);
	if (g_str_equal(need->name, "firmware-code"))
		return open("/usr/share/OVMF/OVMF_CODE_4M.fd", O_RDONLY | O_CLOEXEC);
	if (g_str_equal(need->name, "firmware-vars")) {
		g_autofree char *data = NULL;
		gsize length;
		g_assert_true(g_file_get_contents("/usr/share/OVMF/OVMF_VARS_4M.fd", &data, &length, NULL));
		g_assert_true(g_file_set_contents(path, data, (gssize)length, NULL));
		return open(path, O_RDWR | O_CLOEXEC);
	}
	if (g_str_has_prefix(need->name, "disk:"))
		return make_file(need->name, 1 << 20,
				 json_get_str(json_get(json_get(vm, "disks"), key + 1), "format", "qcow2"));
	if (g_str_has_prefix(need->name, "cdrom:")) {
		close(make_file(need->name, 1 << 20, "raw"));
		return reopen_read_only(need->name);
	}
	if (g_str_has_prefix(need->name, "nic:")) {
		int pair[2];
		g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
		machine->passt[machine->passt_count++] = pair[1];
		return pair[0];
	}
	if (g_str_equal(need->name, "qmp"))
		machine->qmp_path = g_strdup(path);
	return listen_at(path);
}

/* Opens what the command needs, starts QEMU and connects. */
static void machine_start(Machine *machine, json_object *vm)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(QemuCommand) command = qemu_command_build(vm, FALSE, NULL, &error);
	g_assert_no_error(error);
	g_autofree ProcessFd *fds = g_new(ProcessFd, command->needs->len + 2);
	for (guint i = 0; i < command->needs->len; i++) {
		const QemuNeed *need = &g_array_index(command->needs, QemuNeed, i);
		fds[i] = (ProcessFd){open_need(machine, vm, need), need->fd};
		g_assert_cmpint(fds[i].source, >=, 0);
	}
	int debug[2];
	g_assert_cmpint(pipe2(debug, O_CLOEXEC), ==, 0);
	machine->debug = debug[0];
	fds[command->needs->len] = (ProcessFd){debug[1], DEBUG_FD};
	/* The events' monitor speaks on stdout, where TAP has no place for it. */
	fds[command->needs->len + 1] = (ProcessFd){open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO};
	const char *const more[] = {"-chardev", "file,id=debug,path=/proc/self/fd/200", "-device",
				    "isa-debugcon,iobase=0xe9,chardev=debug", NULL};
	for (guint i = 0; i < G_N_ELEMENTS(more); i++)
		g_ptr_array_add(command->argv, g_strdup(more[i]));
	process_spawn((const char *const *)command->argv->pdata, fds, command->needs->len + 2, &machine->pid, &error);
	g_assert_no_error(error);
	for (guint i = 0; i < command->needs->len + 2; i++)
		close(fds[i].source);
	machine->qmp = qmp_connect(machine->qmp_path, 20000, NULL, NULL, &error);
	g_assert_no_error(error);
}

static void machine_end(Machine *machine)
{
	qmp_unref(machine->qmp);
	kill(machine->pid, SIGKILL);
	waitpid(machine->pid, NULL, 0);
	for (guint i = 0; i < machine->passt_count; i++)
		close(machine->passt[i]);
	g_free(machine->qmp_path);
	close(machine->debug);
}

static void do_or_fail(Machine *machine, const char *command, json_object *arguments)
{
	g_autoptr(GError) error = NULL;
	qmp_do(machine->qmp, command, arguments, 20000, &error);
	g_assert_no_error(error);
}

static void pass_fd(Machine *machine, const char *command, json_object *arguments, int fd)
{
	g_autoptr(GError) error = NULL;
	json_auto json_object *value = qmp_command_fd(machine->qmp, command, arguments, fd, 5000, &error);
	g_assert_no_error(error);
	g_assert_nonnull(value);
}

static void assert_starts(json_object *vm)
{
	Machine machine = {0};
	machine_start(&machine, vm);
	do_or_fail(&machine, "cont", NULL);
	machine_end(&machine);
}

static const char *const buses[] = {"virtio-scsi", "virtio-blk", "sata", "ide"};
static const char *const formats[] = {"qcow2", "raw"};
static const char *const firmwares[] = {"bios", "uefi"};
static const char *const models[] = {"virtio", "e1000", "e1000e", "rtl8139", "vmxnet3"};

static void add_nic(json_object *vm, const char *key, const char *model)
{
	static guint count;
	g_autofree char *text = g_strdup_printf("{\"mode\":\"user\",\"model\":\"%s\",\"mac\":\"52:54:00:00:00:%02x\"}",
						model, ++count & 0xff);
	add_device(vm, "nics", key, text);
}

static void test_starts(void)
{
	guint model = 0;
	for (guint bus = 0; bus < G_N_ELEMENTS(buses); bus++)
		for (guint format = 0; format < G_N_ELEMENTS(formats); format++)
			for (guint firmware = 0; firmware < G_N_ELEMENTS(firmwares); firmware++) {
				json_auto json_object *vm = new_vm();
				json_set_str(vm, "firmware", firmwares[firmware]);
				add_disk(vm, "disk0", buses[bus], formats[format]);
				/* Sixteen machines, so each model comes with each firmware. */
				add_nic(vm, "nic0", models[model++ % G_N_ELEMENTS(models)]);
				assert_starts(vm);
			}
}

static void test_full(void)
{
	json_auto json_object *vm = new_vm();
	g_autoptr(GError) error = NULL;
	for (guint i = 0; i < 6; i++) {
		g_autofree char *key = g_strdup_printf("d%u", i), *nic = g_strdup_printf("n%u", i);
		add_disk(vm, key, "virtio-blk", "raw");
		add_nic(vm, nic, models[i % G_N_ELEMENTS(models)]);
	}
	for (guint i = 0; i < 4; i++) {
		g_autofree char *key = g_strdup_printf("i%u", i), *sata = g_strdup_printf("s%u", i);
		add_disk(vm, key, "ide", "raw");
		add_disk(vm, sata, "sata", "raw");
	}
	add_device(vm, "cdroms", "full", "{\"bus\":\"sata\",\"image\":\"x\"}");
	add_device(vm, "cdroms", "empty", "{\"bus\":\"sata\"}");
	add_device(vm, "cdroms", "third", "{\"bus\":\"virtio-scsi\",\"image\":\"x\"}");
	g_autofree char *longest = g_strnfill(63, 'k');
	add_disk(vm, longest, "virtio-scsi", "qcow2");
	json_set_str(vm, "name", "a,process=x");
	json_set_str(vm, "display", "virtio");
	json_set_str(json_get(json_get(vm, "disks"), "d0"), "cache", "writethrough");
	json_set_str(json_get(json_get(vm, "disks"), "d1"), "cache", "writeback");
	json_set_bool(json_get(json_get(vm, "disks"), "d2"), "discard", FALSE);
	assert_starts(vm);

	json_object *one = json_object_new_object();
	json_set_str(one, "bus", "ide");
	json_set(json_get(vm, "disks"), "i9", one);
	g_assert_false(qemu_assign_addresses(vm, &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_assert_cmpstr(error_field(error), ==, "disks.i9");
	g_assert_null(json_get(one, "address"));
}

static void assert_boots(json_object *vm)
{
	Machine machine = {0};
	char word[3] = {0};
	machine_start(&machine, vm);
	do_or_fail(&machine, "cont", NULL);
	struct pollfd heard = {.fd = machine.debug, .events = POLLIN};
	for (guint i = 0; i < 2; i++) {
		g_assert_cmpint(poll(&heard, 1, 30000), ==, 1);
		g_assert_cmpint(read(machine.debug, word + i, 1), ==, 1);
	}
	g_assert_cmpstr(word, ==, "ok");
	machine_end(&machine);
}

static void test_boots(void)
{
	for (guint bus = 0; bus < G_N_ELEMENTS(buses); bus++) {
		json_auto json_object *vm = new_vm();
		add_disk(vm, "disk0", buses[bus], formats[bus % 2]);
		add_nic(vm, "nic0", "virtio");
		assert_boots(vm);
	}
}

static json_object *query_device(Machine *machine, const char *id, const char *property)
{
	g_autoptr(GError) error = NULL;
	json_object *arguments = json_object_new_object();
	g_autofree char *path = g_strdup_printf("/machine/peripheral/%s", id);
	json_set_str(arguments, "path", path);
	json_set_str(arguments, "property", property);
	json_object *value = qmp_command(machine->qmp, "qom-get", arguments, 5000, &error);
	g_assert_no_error(error);
	return value;
}

static void assert_same(Machine *a, Machine *b, const char *id, const char *property)
{
	json_auto json_object *first = query_device(a, id, property), *second = query_device(b, id, property);
	g_assert_cmpstr(json_object_get_string(first), ==, json_object_get_string(second));
}

static void test_plug(void)
{
	json_auto json_object *vm = new_vm();
	Machine machine = {0}, fresh = {0};
	machine_start(&machine, vm);
	add_disk(vm, "disk0", "virtio-scsi", "qcow2");
	add_disk(vm, "disk1", "virtio-blk", "raw");
	add_nic(vm, "nic0", "virtio");
	const char *const keys[] = {"disk0", "disk1"};
	for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
		fd_auto int fd = make_file(keys[i], 1 << 20, i == 0 ? "qcow2" : "raw");
		json_object *set = json_object_new_object();
		json_set_int(set, "fdset-id", 100 + i);
		pass_fd(&machine, "add-fd", set, fd);
		do_or_fail(&machine, "blockdev-add", qemu_disk_blockdev(vm, keys[i], (int)(100 + i)));
		do_or_fail(&machine, "device_add", qemu_disk_device(vm, keys[i]));
	}
	int pair[2];
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
	machine.passt[machine.passt_count++] = pair[1];
	json_object *name = json_object_new_object();
	json_set_str(name, "fdname", "nic0");
	pass_fd(&machine, "getfd", name, pair[0]);
	close(pair[0]);
	do_or_fail(&machine, "netdev_add", qemu_nic_netdev(vm, "nic0", "nic0"));
	do_or_fail(&machine, "device_add", qemu_nic_device(vm, "nic0"));
	do_or_fail(&machine, "cont", NULL);

	/* The next start makes the same devices. */
	machine_start(&fresh, vm);
	const struct {
		const char *id, *property;
	} seen[] = {{"disk0", "serial"}, {"disk0", "wwn"}, {"disk0", "scsi-id"}, {"disk0", "device_id"},
		    {"disk1", "serial"}, {"disk1", "addr"}, {"disk1", "parent_bus"}};
	for (guint i = 0; i < G_N_ELEMENTS(seen); i++) {
		g_autofree char *id = g_strconcat("disk-", seen[i].id, NULL);
		assert_same(&machine, &fresh, id, seen[i].property);
	}
	assert_same(&machine, &fresh, "nic-nic0", "mac");
	assert_same(&machine, &fresh, "nic-nic0", "parent_bus");
	assert_same(&machine, &fresh, "nic-nic0", "romfile");
	machine_end(&machine);
	machine_end(&fresh);
}

/* -vnc none makes a server without a listener; a client comes as a descriptor. */
static void test_vnc(void)
{
	json_auto json_object *vm = new_vm();
	Machine machine = {0};
	int pair[2];
	char greeting[13] = {0};
	machine_start(&machine, vm);
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
	json_object *name = json_object_new_object(), *client = json_object_new_object();
	json_set_str(name, "fdname", "vnc");
	pass_fd(&machine, "getfd", name, pair[0]);
	json_set_str(client, "protocol", "vnc");
	json_set_str(client, "fdname", "vnc");
	json_set_bool(client, "skipauth", TRUE);
	do_or_fail(&machine, "add_client", client);
	g_assert_cmpint(recv(pair[1], greeting, 12, MSG_WAITALL), ==, 12);
	g_assert_cmpstr(greeting, ==, "RFB 003.008\n");
	close(pair[0]);
	close(pair[1]);
	machine_end(&machine);
}

static void test_node_names(void)
{
	g_autofree char *a = g_strnfill(63, 'a'), *b = g_strnfill(63, 'a');
	b[62] = 'b';
	g_autofree char *node_a = qemu_node_name('d', a), *node_b = qemu_node_name('d', b);
	g_autofree char *plain = qemu_node_name('d', "disk0");
	g_assert_cmpuint(strlen(node_a), <=, 31);
	g_assert_cmpstr(node_a, !=, node_b);
	g_assert_cmpstr(plain, ==, "d-disk0");
}

static void test_boot_names(void)
{
	json_auto json_object *vm = new_vm();
	g_autoptr(GError) error = NULL;
	json_object_array_add(json_get(vm, "boot"), json_object_new_string("nowhere"));
	g_assert_null(qemu_command_build(vm, FALSE, NULL, &error));
	g_assert_error(error, ERROR, ERROR_INVALID);
	g_assert_cmpstr(error_field(error), ==, "boot");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	scratch = g_dir_make_tmp("yado-command-XXXXXX", NULL);
	g_test_add_func("/command/long keys have short node names", test_node_names);
	g_test_add_func("/command/an unknown boot device is refused", test_boot_names);
	g_test_add_func("/command/QEMU starts with every bus, format, firmware and card", test_starts);
	g_test_add_func("/command/QEMU starts with a full machine", test_full);
	g_test_add_func("/command/a guest boots from a disk on each bus", test_boots);
	g_test_add_func("/command/a plugged device is the one of the next start", test_plug);
	g_test_add_func("/command/a VNC client comes as a descriptor", test_vnc);
	int result = g_test_run();
	dir_remove(scratch, NULL);
	g_free(scratch);
	return result;
}
