/* Of files, passwords and other secrets that are read or written, by whatever command. */
#pragma once
#include "cli/text.h"

MESSAGE(m_cannot_read, "cannot read %s", "%s を読めません");
MESSAGE(m_stdin, "standard input", "標準入力");
MESSAGE(m_terminal, "the terminal", "端末");
MESSAGE(m_secret_empty, "there is no text on the first line of %s", "%s の最初の行が空です");
MESSAGE(m_secret_long, "the first line of %s is too long", "%s の最初の行が長すぎます");
MESSAGE(m_secret_no_terminal, "there is no terminal to ask on", "入力する端末がありません");
MESSAGE(m_secret_no_terminal_hint, "give it in a file, or with '-' on standard input",
	"ファイルで渡すか、'-' を指定して標準入力で渡してください");
MESSAGE(m_passwords_differ, "the two are not the same", "2回の入力が一致しません");
MESSAGE(m_try_again, "try again", "もう一度やり直してください");

MESSAGE(m_opt_password_file, "file with the password on its first line, '-' for standard input",
	"1行目にパスワードを書いたファイル。'-' は標準入力");
MESSAGE(m_opt_generate_password, "make a password and print it, this once", "パスワードを生成し、一度だけ表示する");
MESSAGE(m_ask_password, "New password: ", "新しいパスワード: ");
MESSAGE(m_ask_password_again, "Once more: ", "もう一度: ");
MESSAGE(m_password_one_way, "a password is given in one way only", "パスワードの指定方法は1つだけにしてください");
MESSAGE(m_password_is, "the password of %s is %s\n", "%s のパスワード: %s\n");
MESSAGE(m_step_digest, "reading", "読み込み");
MESSAGE(m_step_upload, "upload", "アップロード");
MESSAGE(m_step_retry, "the connection was lost; going on", "接続が切れたため再開");
MESSAGE(m_step_download, "download", "ダウンロード");
MESSAGE(m_file_exists, "'%s' exists", "'%s' は既にあります");
MESSAGE(m_file_exists_hint, "give another name, or --force", "別の名前にするか、--force を付けてください");
MESSAGE(m_opt_force, "replace the file if it exists", "既存のファイルを置き換える");
MESSAGE(m_cannot_write, "cannot write '%s'", "'%s' に書き込めません");
MESSAGE(m_download_cut, "'%s' came only in part (%s of %s)", "'%s' は途中までしか届きませんでした（%s / %s）");

MESSAGE(m_cannot_open, "cannot open '%s'", "'%s' を開けません");
MESSAGE(m_not_regular, "'%s' is not a regular file", "'%s' は通常のファイルではありません");
MESSAGE(m_not_regular_hint, "save it to a file first", "先にファイルに保存してください");
