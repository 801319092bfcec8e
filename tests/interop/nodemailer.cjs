// node nodemailer.cjs FOLDER < {"transport": {...}, "messages": [...]}: sends them all at once, and tells what became of each.
const { createTransport } = require(`${process.argv[2]}/nodemailer`);
const { transport, messages } = JSON.parse(require("fs").readFileSync(0, "utf8"));

const mailer = createTransport(transport);
const told = messages.map((message) =>
  mailer.sendMail(message).then(
    ({ accepted, rejected, response }) => ({ accepted, rejected, response }),
    ({ code, responseCode, command }) => ({ code, responseCode, command }),
  ),
);
Promise.all(told).then((results) => {
  mailer.close();
  console.log(JSON.stringify(results));
});
